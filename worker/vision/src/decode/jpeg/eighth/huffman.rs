//! Huffman codes, as tables that are looked up by the next bits.

/// Bits that [`Symbols`] are looked up by; hardly a code of a photo's is longer.
const SHORT: u32 = 10;

/// Bits that [`Runs`] are looked up by: two or three codes with their values. Two tables of 8 KiB stay in a core's
/// first cache beside the bytes.
const LONG: u32 = 12;

/// What the end of a block adds to [`Run::coefficients`]. Without it, no sum with an index in a block reaches
/// 63 + 78 = 141.
pub(super) const END: u32 = 256;

/// A code as a file has it (T.81, B.2.4.2): how many codes there are of 1 to 16 bits, and what they stand for.
#[derive(Debug, Clone, Copy)]
pub(super) struct Code<'a> {
    pub(super) counts: &'a [u8; 16],
    pub(super) symbols: &'a [u8],
}

/// Symbols by code.
pub(super) struct Symbols {
    /// Length and symbol by the first bits; a length of 0 where the code is longer.
    short: Box<[(u8, u8); 1 << SHORT]>,
    /// By length: the first code that is longer, with as many zeros behind it as make 16 bits.
    behind: [u32; 17],
    /// By length: what a code's 16 bits are moved by to be an index of `symbols`.
    offset: [i32; 17],
    symbols: Vec<u8>,
}

impl Symbols {
    /// `None` if these are no codes of which none begins another (T.81, annex C), or one is all ones.
    pub(super) fn new(code: Code<'_>) -> Option<Self> {
        let mut tables = Self {
            short: Box::new([(0, 0); 1 << SHORT]),
            behind: [0; 17],
            offset: [0; 17],
            symbols: code.symbols.to_vec(),
        };
        let mut next = 0_u32; // of 16 bits
        let mut index = 0;
        for (length, &count) in (1..).zip(code.counts) {
            let step = 1 << (16 - length);
            tables.offset[length] = index as i32 - (next >> (16 - length)) as i32;
            for &symbol in code.symbols.get(index..index + usize::from(count))? {
                if length <= SHORT as usize {
                    let first = (next >> (16 - SHORT)) as usize;
                    tables.short.get_mut(first..first + (1 << (SHORT as usize - length)))?.fill((length as u8, symbol));
                }
                next += step;
            }
            index += usize::from(count);
            if count > 0 && next >= 1 << 16 {
                return None;
            }
            tables.behind[length] = next;
        }
        (index == code.symbols.len()).then_some(tables)
    }

    /// Length and symbol of the code that the highest bits are.
    #[inline]
    pub(super) fn next(&self, bits: u64) -> Option<(u32, u8)> {
        let (length, symbol) = self.short[(bits >> (64 - SHORT)) as usize];
        if length > 0 { Some((u32::from(length), symbol)) } else { self.long((bits >> 48) as u32) }
    }

    #[cold]
    fn long(&self, bits: u32) -> Option<(u32, u8)> {
        let length = (SHORT as usize + 1..=16).find(|&length| bits < self.behind[length])?;
        let index = (bits >> (16 - length)) as i32 + self.offset[length];
        Some((length as u32, *self.symbols.get(usize::try_from(index).ok()?)?))
    }
}

/// What some of the next bits are: whole codes with the values that follow them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run(u16);

impl Run {
    /// A code that is too long, or none: more than 78 and the end, so that no block ends like this.
    const UNKNOWN: Self = Self::new(0, 2 * END);

    const fn new(bits: u32, coefficients: u32) -> Self {
        Self((coefficients << 6 | bits) as u16)
    }

    /// How many bits they are, at most 27.
    #[inline]
    pub(super) fn bits(self) -> u32 {
        u32::from(self.0 & 63)
    }

    /// How many coefficients, zeros too, at most 78; and [`END`] more if the block ends.
    #[inline]
    pub(super) fn coefficients(self) -> u32 {
        u32::from(self.0 >> 6)
    }
}

/// [`Run`]s of the coefficients but the first, whose values nobody wants.
pub(super) struct Runs {
    by_bits: Box<[Run; 1 << LONG]>,
    pub(super) symbols: Symbols,
}

impl Runs {
    pub(super) fn new(symbols: Symbols) -> Self {
        let mut by_bits = Box::new([Run::UNKNOWN; 1 << LONG]);
        for (bits, run) in (0_u64..).zip(by_bits.iter_mut()) {
            if let Some(known) = first_codes(&symbols, bits << (64 - LONG)) {
                *run = known;
            }
        }
        Self { by_bits, symbols }
    }

    #[inline]
    pub(super) fn next(&self, bits: u64) -> Run {
        self.by_bits[(bits >> (64 - LONG)) as usize]
    }
}

/// The codes that lie wholly in the first bits. The value of the last may go on behind them.
fn first_codes(symbols: &Symbols, bits: u64) -> Option<Run> {
    let (mut length, mut coefficients) = (0, 0);
    while length < LONG && coefficients < 63 {
        let Some((code, symbol)) = symbols.next(bits << length).filter(|(code, _)| length + code <= LONG) else {
            break;
        };
        match (symbol >> 4, symbol & 15) {
            (0, 0) => return Some(Run::new(length + code, coefficients + END)),
            (15, 0) => coefficients += 16,
            (_, 0) => break, // no code of a sequential scan
            (zeros, _) => coefficients += u32::from(zeros) + 1,
        }
        length += code + u32::from(symbol & 15);
    }
    (length > 0).then_some(Run::new(length, coefficients))
}
