//! Huffman codes, as tables that are looked up by the next bits.

use super::bits::number;

/// Bits that [`Symbols`] are looked up by; hardly a code of a photo's is longer.
const SHORT: u32 = 10;

/// Bits that a [`Run`] is looked up by: two or three codes with their values. Tables of 8 KiB for brightness and for
/// chroma stay in a core's first cache, which has 32 KiB or more.
const LONG: u32 = 12;

/// Bits that a [`Start`] is looked up by, in tables of 8 KiB.
const BEGIN: u32 = 11;

/// What the end of a block adds to [`Run::coefficients`]. Without it, no sum with an index in a block reaches
/// 63 + 78 = 141.
const END: u32 = 256;

/// A code as a file has it (T.81, B.2.4.2): how many codes there are of 1 to 16 bits, and what they stand for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
    /// By length: what a code's bits are moved by to be an index of `all`.
    offset: [i32; 17],
    all: Vec<u8>,
}

impl Symbols {
    /// `None` if these are no codes of which none begins another (T.81, annex C), or one is all ones.
    pub(super) fn new(code: Code<'_>) -> Option<Self> {
        let mut tables = Self {
            short: Box::new([(0, 0); 1 << SHORT]),
            behind: [0; 17],
            offset: [0; 17],
            all: code.symbols.to_vec(),
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
        Some((length as u32, *self.all.get(usize::try_from(index).ok()?)?))
    }
}

/// What some of the next bits are: whole codes with the values that follow them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Run(u16);

impl Run {
    /// A code that is too long, or none: with any index more than a block and its end.
    const UNKNOWN: Self = Self::new(0, 3 * END);

    const fn new(bits: u32, coefficients: u32) -> Self {
        Self((coefficients << 6 | bits) as u16)
    }

    /// Whether a block in which the coefficient of this index comes next goes on with these, or ends with them: by
    /// its end mark, or as it has 64.
    #[inline]
    pub(super) fn fits_behind(self, index: u32) -> bool {
        let reached = index + self.coefficients();
        reached <= 64 || (END + 1..END + 64).contains(&reached)
    }

    /// How many bits they are, at most 27, or 31 of a single code.
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

/// How a block begins: its first coefficient, and the codes behind it as far as they are among the bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Start {
    pub(super) run: Run,
    /// Bits of the first coefficient's code, and of the value behind it.
    code: u8,
    value: u8,
}

impl Start {
    /// The value of the first coefficient in the bits that this was looked up by.
    #[inline]
    pub(super) fn difference(self, bits: u64) -> i32 {
        number(bits << self.code, u32::from(self.value))
    }
}

/// The codes of a component's blocks.
pub(super) struct Codes {
    pub(super) first: Symbols,
    pub(super) others: Symbols,
    starts: Box<[Start; 1 << BEGIN]>,
    runs: Box<[Run; 1 << LONG]>,
}

impl Codes {
    /// `None` if these are no codes, or give a first coefficient more than 15 bits, which libjpeg refuses too.
    pub(super) fn new(first: Code<'_>, others: Code<'_>) -> Option<Self> {
        if first.symbols.iter().any(|&bits| bits > 15) {
            return None;
        }
        let (first, others) = (Symbols::new(first)?, Symbols::new(others)?);
        let mut starts = Box::new([Start { run: Run::UNKNOWN, code: 0, value: 0 }; 1 << BEGIN]);
        for (bits, start) in (0_u64..).zip(starts.iter_mut()) {
            let bits = bits << (64 - BEGIN);
            if let Some((code, value)) = first.next(bits).filter(|&(code, _)| code <= BEGIN) {
                let run = codes_within(&others, bits, code + u32::from(value), BEGIN);
                *start = Start { run, code: code as u8, value };
            }
        }
        let mut runs = Box::new([Run::UNKNOWN; 1 << LONG]);
        for (bits, run) in (0_u64..).zip(runs.iter_mut()) {
            let known = codes_within(&others, bits << (64 - LONG), 0, LONG);
            if known.bits() > 0 {
                *run = known;
            }
        }
        Some(Self { first, others, starts, runs })
    }

    #[inline]
    pub(super) fn start(&self, bits: u64) -> Start {
        self.starts[(bits >> (64 - BEGIN)) as usize]
    }

    #[inline]
    pub(super) fn run(&self, bits: u64) -> Run {
        self.runs[(bits >> (64 - LONG)) as usize]
    }

    /// The first coefficient alone, where its code is too long for the table, or what follows in it too much.
    #[cold]
    pub(super) fn first(&self, bits: u64) -> Option<Start> {
        let (code, value) = self.first.next(bits)?;
        Some(Start { run: Run::new(code + u32::from(value), 0), code: code as u8, value })
    }

    /// One of the other coefficients alone.
    #[cold]
    pub(super) fn other(&self, bits: u64) -> Option<Run> {
        let (code, symbol) = self.others.next(bits)?;
        Some(Run::new(code + u32::from(symbol & 15), coefficients(symbol)?))
    }
}

/// The codes that lie wholly in the first `known` bits, behind so many that are something else. The value of the last
/// may go on behind them.
fn codes_within(symbols: &Symbols, bits: u64, behind: u32, known: u32) -> Run {
    let (mut length, mut sum) = (behind, 0);
    while length < known && sum < 63 {
        let Some((code, symbol)) = symbols.next(bits << length).filter(|(code, _)| length + code <= known) else {
            break;
        };
        let Some(more) = coefficients(symbol) else { break };
        sum += more;
        length += code + u32::from(symbol & 15);
    }
    Run::new(length, sum)
}

/// What a symbol counts: zeros and a value, sixteen zeros, or the end of the block (T.81, F.1.2.2). `None` if it is
/// none of a sequential scan.
fn coefficients(symbol: u8) -> Option<u32> {
    match (symbol >> 4, symbol & 15) {
        (0, 0) => Some(END),
        (15, 0) => Some(16),
        (_, 0) => None,
        (zeros, _) => Some(u32::from(zeros) + 1),
    }
}
