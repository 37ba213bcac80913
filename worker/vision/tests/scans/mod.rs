//! Writes baseline JPEGs of any coefficients, codes, steps, factors and restarts: also those that no encoder makes.

use rand::Rng;
use rand::seq::SliceRandom as _;

/// What a picture is made of. Its coefficients are drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kind {
    pub(crate) width: u16,
    pub(crate) height: u16,
    /// Components: 1, or 3 of which chroma has one block beside so many of brightness, across and down.
    pub(crate) components: u8,
    pub(crate) blocks: (u8, u8),
    /// MCUs between restart markers, 0 for none.
    pub(crate) restart_interval: u16,
    /// Steps of 16 bits.
    pub(crate) coarse: bool,
    /// Share of coefficients that are not zero.
    pub(crate) density: f64,
    /// What no coefficient times its step exceeds.
    pub(crate) largest: i32,
}

impl Kind {
    pub(crate) fn drawn(rng: &mut impl Rng) -> Self {
        Self {
            width: rng.random_range(1..100),
            height: rng.random_range(1..100),
            components: if rng.random() { 1 } else { 3 },
            blocks: (rng.random_range(1..=2), rng.random_range(1..=2)),
            restart_interval: if rng.random() { rng.random_range(1..12) } else { 0 },
            coarse: rng.random(),
            density: [0.0, 0.02, 0.3, 0.9, 1.0][rng.random_range(0..5)],
            largest: [100, 1_000, 2_000][rng.random_range(0..3)],
        }
    }
}

/// Codes by symbol: how many bits, and which.
struct Codes {
    counts: [u8; 16],
    symbols: Vec<u8>,
    by_symbol: Vec<Option<(u32, u32)>>,
}

impl Codes {
    /// Any lengths up to 16 that leave the code of ones free.
    fn drawn(mut symbols: Vec<u8>, rng: &mut impl Rng) -> Self {
        symbols.shuffle(rng);
        let mut lengths = vec![8_u32; symbols.len()];
        let room = |lengths: &[u32]| lengths.iter().map(|&length| 1 << (16 - length)).sum::<u32>() < 1 << 16;
        for _ in 0..rng.random_range(0..2_000) {
            let which = rng.random_range(0..lengths.len());
            let before = lengths[which];
            lengths[which] = if rng.random() { before + 1 } else { before - 1 }.clamp(1, 16);
            if !room(&lengths) {
                lengths[which] = before;
            }
        }
        let mut sorted: Vec<(u32, u8)> = lengths.into_iter().zip(symbols).collect();
        sorted.sort_by_key(|&(length, _)| length);
        let mut codes = Self { counts: [0; 16], symbols: Vec::new(), by_symbol: vec![None; 256] };
        let mut next = 0;
        for (length, symbol) in sorted {
            codes.counts[length as usize - 1] += 1;
            codes.symbols.push(symbol);
            codes.by_symbol[usize::from(symbol)] = Some((next >> (16 - length), length));
            next += 1 << (16 - length);
        }
        codes
    }
}

/// Bits with a zero stuffed after each byte of ones.
#[derive(Default)]
struct Scan {
    bytes: Vec<u8>,
    held: u64,
    count: u32,
}

impl Scan {
    fn put(&mut self, bits: u32, count: u32) {
        self.held = self.held << count | u64::from(bits);
        self.count += count;
        while self.count >= 8 {
            self.count -= 8;
            let byte = (self.held >> self.count) as u8;
            self.bytes.push(byte);
            if byte == 0xFF {
                self.bytes.push(0);
            }
        }
    }

    fn symbol(&mut self, codes: &Codes, zeros: u32, value: i32) {
        let size = i32::BITS - value.unsigned_abs().leading_zeros();
        let (code, length) = codes.by_symbol[(zeros << 4 | size) as usize].unwrap();
        self.put(code, length);
        self.put((if value < 0 { value - 1 } else { value }) as u32 & ((1 << size) - 1), size);
    }

    /// Ones up to the next byte, and a marker.
    fn marker(&mut self, marker: u8) {
        self.put(0x7F, 7);
        self.count = 0;
        self.bytes.extend([0xFF, marker]);
    }

    fn block(&mut self, others: &Codes, kind: &Kind, steps: &[u16; 64], rng: &mut impl Rng) {
        let mut zeros = 0;
        for &step in &steps[1..] {
            let most = (kind.largest / i32::from(step)).min(1_023);
            let value = if rng.random_bool(kind.density) { rng.random_range(-most..=most) } else { 0 };
            if value == 0 {
                zeros += 1;
                continue;
            }
            while zeros > 15 {
                self.symbol(others, 15, 0);
                zeros -= 16;
            }
            self.symbol(others, zeros, value);
            zeros = 0;
        }
        if zeros > 0 {
            self.symbol(others, 0, 0);
        }
    }
}

fn segment(marker: u8, content: &[u8]) -> Vec<u8> {
    [&[0xFF, marker][..], &(content.len() as u16 + 2).to_be_bytes(), content].concat()
}

/// A whole JPEG of this kind.
pub(crate) fn jpeg(kind: &Kind, rng: &mut impl Rng) -> Vec<u8> {
    let steps: [u16; 64] = std::array::from_fn(|_| rng.random_range(1..=if kind.coarse { 400 } else { 255 }));
    let first = Codes::drawn((0..12).collect(), rng);
    let others = (0..16).flat_map(|zeros| (1..=10).map(move |size| zeros << 4 | size)).chain([0, 0xF0]).collect();
    let others = Codes::drawn(others, rng);

    let mut table = vec![u8::from(kind.coarse) << 4];
    table.extend(steps.iter().flat_map(|step| step.to_be_bytes()[usize::from(!kind.coarse)..].to_vec()));
    let codes = [(0x00, &first), (0x10, &others)]
        .map(|(class, codes)| [&[class][..], &codes.counts, &codes.symbols].concat())
        .concat();
    let (h, w) = (kind.height.to_be_bytes(), kind.width.to_be_bytes());
    let mut frame = vec![8, h[0], h[1], w[0], w[1], kind.components];
    let mut scan_header = vec![kind.components];
    for id in 1..=kind.components {
        frame.extend([id, if id == 1 { kind.blocks.0 << 4 | kind.blocks.1 } else { 0x11 }, 0]);
        scan_header.extend([id, 0]);
    }
    scan_header.extend([0, 63, 0]);

    let (across, down) = if kind.components == 1 { (1, 1) } else { kind.blocks };
    let mcus = kind.width.div_ceil(8 * u16::from(across)) * kind.height.div_ceil(8 * u16::from(down));
    let blocks = [across * down, 1, 1];
    let mut scan = Scan::default();
    let mut last = [0; 3];
    let most = (kind.largest / i32::from(steps[0])).min(1_023);
    for mcu in 0..mcus {
        if kind.restart_interval > 0 && mcu > 0 && mcu % kind.restart_interval == 0 {
            scan.marker(0xD0 + (mcu / kind.restart_interval - 1) as u8 % 8);
            last = [0; 3];
        }
        for component in 0..usize::from(kind.components) {
            for _ in 0..blocks[component] {
                let value = rng.random_range(-most..=most);
                scan.symbol(&first, 0, value - last[component]);
                last[component] = value;
                scan.block(&others, kind, &steps, rng);
            }
        }
    }
    scan.marker(0xD9);
    let start = if kind.coarse { 0xC1 } else { 0xC0 };
    [
        vec![0xFF, 0xD8],
        segment(0xDB, &table),
        segment(start, &frame),
        segment(0xC4, &codes),
        segment(0xDD, &kind.restart_interval.to_be_bytes()),
        segment(0xDA, &scan_header),
        scan.bytes,
    ]
    .concat()
}
