//! What a JPEG says before its scan (T.81, annex B), as far as it is one that is decoded here.

use std::io::{BufRead, Read as _};

use super::huffman::Code;

/// Bytes before the scan. EXIF with a thumbnail has 64 KiB at most, and a few makers add as much again.
const LONGEST: usize = 4 << 20;

/// libjpeg's limit for each side; a file may say up to 65,535.
const MAX_SIDE: u16 = 65_500;

const START_OF_IMAGE: [u8; 2] = [0xFF, 0xD8];
const BASELINE: u8 = 0xC0;
const EXTENDED: u8 = 0xC1;
const HUFFMAN_TABLES: u8 = 0xC4;
const START_OF_SCAN: u8 = 0xDA;
const QUANTISATION_TABLES: u8 = 0xDB;
const RESTART_INTERVAL: u8 = 0xDD;
const APP0: u8 = 0xE0;
const APP2: u8 = 0xE2;
const APP14: u8 = 0xEE;
const APP15: u8 = 0xEF;
const COMMENT: u8 = 0xFE;

/// All bytes up to the scan's data. `None` if it is no JPEG that is decoded here, as far as its markers tell.
pub(in crate::decode::jpeg) fn collect(input: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut head = Vec::with_capacity(4096);
    let mut take = |count: usize, head: &mut Vec<u8>| {
        let taken = input.by_ref().take(count as u64).read_to_end(head).ok()?;
        (taken == count && head.len() <= LONGEST).then_some(())
    };
    take(2, &mut head)?;
    if head != START_OF_IMAGE {
        return None;
    }
    loop {
        take(4, &mut head)?;
        let &[prefix, marker, high, low] = head.last_chunk()?;
        let known = matches!(
            marker,
            BASELINE | EXTENDED | HUFFMAN_TABLES | START_OF_SCAN..=RESTART_INTERVAL | APP0..=APP15 | COMMENT
        );
        if prefix != 0xFF || !known {
            return None;
        }
        take(usize::from(u16::from_be_bytes([high, low])).checked_sub(2)?, &mut head)?;
        if marker == START_OF_SCAN {
            return Some(head);
        }
    }
}

/// A picture of one scan.
pub(super) struct Frame<'a> {
    /// Pixels, at least 1.
    pub(super) width: u16,
    /// Pixels, at least 1.
    pub(super) height: u16,
    /// MCUs between two restart markers, if there are any.
    pub(super) restart_interval: Option<u16>,
    /// Brightness, and perhaps blue and red chroma after it.
    pub(super) components: Vec<Component<'a>>,
}

/// One colour's part of a picture.
pub(super) struct Component<'a> {
    /// Blocks of an MCU, in each direction 1 or 2; chroma has 1.
    pub(super) blocks: (u8, u8),
    /// Steps of the coefficients in the order of the file, 1 to 32,767.
    pub(super) steps: [i32; 64],
    pub(super) first: Code<'a>,
    pub(super) others: Code<'a>,
}

/// Segments as they were read. The later table of two counts.
#[derive(Default)]
struct Segments<'a> {
    frame: Option<&'a [u8]>,
    steps: [Option<[i32; 64]>; 4],
    first: [Option<Code<'a>>; 4],
    others: [Option<Code<'a>>; 4],
    restart_interval: Option<u16>,
    jfif: bool,
    /// What Adobe's marker says about colours.
    adobe: Option<u8>,
    /// Parts of a colour profile that were there, and how many it has. libjpeg-turbo refuses what lacks one.
    profile: (u8, u8),
}

impl<'a> Frame<'a> {
    /// Reads what [`collect`] returned.
    pub(super) fn read(head: &'a [u8]) -> Option<Self> {
        let mut segments = Segments::default();
        let mut rest = head.strip_prefix(&START_OF_IMAGE)?;
        loop {
            let (&[_, marker, high, low], behind) = rest.split_first_chunk()?;
            let (content, behind) = behind.split_at_checked(usize::from(u16::from_be_bytes([high, low])) - 2)?;
            if marker == START_OF_SCAN {
                return segments.frame(content);
            }
            segments.read(marker, content)?;
            rest = behind;
        }
    }
}

impl<'a> Segments<'a> {
    fn read(&mut self, marker: u8, content: &'a [u8]) -> Option<()> {
        match marker {
            BASELINE | EXTENDED => self.frame.replace(content).is_none().then_some(()),
            HUFFMAN_TABLES => self.codes(content),
            QUANTISATION_TABLES => self.steps(content),
            RESTART_INTERVAL => {
                let interval = u16::from_be_bytes(content.try_into().ok()?);
                self.restart_interval = (interval > 0).then_some(interval);
                Some(())
            }
            APP0 if content.starts_with(b"JFIF\0") && content.len() >= 14 => {
                self.jfif = true;
                (content[5] == 1).then_some(()) // the only version that there is
            }
            APP2 if content.starts_with(b"ICC_PROFILE\0") && content.len() >= 14 => {
                let (part, parts) = (content[12], content[13]);
                let next = part.checked_sub(1) == Some(self.profile.0) && (part == 1 || parts == self.profile.1);
                self.profile = (part, parts);
                (next && part <= parts && content.len() > 14).then_some(())
            }
            APP14 if content.starts_with(b"Adobe") && content.len() >= 12 => {
                self.adobe = Some(content[11]);
                Some(())
            }
            APP0..=APP15 | COMMENT => Some(()),
            _ => None,
        }
    }

    /// T.81, B.2.4.1.
    fn steps(&mut self, mut content: &[u8]) -> Option<()> {
        while let Some((&kind, rest)) = content.split_first() {
            let mut steps = [0; 64];
            content = match kind >> 4 {
                0 => {
                    let (bytes, behind) = rest.split_first_chunk::<64>()?;
                    steps = bytes.map(i32::from);
                    behind
                }
                1 => {
                    let (bytes, behind) = rest.split_at_checked(128)?;
                    for (step, &bytes) in steps.iter_mut().zip(bytes.as_chunks().0) {
                        *step = i32::from(i16::from_be_bytes(bytes));
                    }
                    behind
                }
                _ => return None,
            };
            *self.steps.get_mut(usize::from(kind & 15))? =
                Some(steps).filter(|steps| steps.iter().all(|&step| step > 0));
        }
        Some(())
    }

    /// T.81, B.2.4.2.
    fn codes(&mut self, mut content: &'a [u8]) -> Option<()> {
        while let Some((&kind, rest)) = content.split_first() {
            let (counts, rest) = rest.split_first_chunk::<16>()?;
            // A symbol is a byte, so that 256 are all.
            let symbols = Some(counts.iter().map(|&count| usize::from(count)).sum()).filter(|&all| all <= 256)?;
            let (symbols, behind) = rest.split_at_checked(symbols)?;
            let tables = match kind >> 4 {
                0 => &mut self.first,
                1 => &mut self.others,
                _ => return None,
            };
            *tables.get_mut(usize::from(kind & 15))? = Some(Code { counts, symbols });
            content = behind;
        }
        Some(())
    }

    /// The picture that the header of a scan (T.81, B.2.3) makes of the frame's (B.2.2).
    fn frame(&self, scan: &[u8]) -> Option<Frame<'a>> {
        let (&[bits, h1, h0, w1, w0, count], in_frame) = self.frame?.split_first_chunk()?;
        let (height, width) = (u16::from_be_bytes([h1, h0]), u16::from_be_bytes([w1, w0]));
        let side = 1..=MAX_SIDE;
        let (&in_scan, scan) = scan.split_first()?;
        let (in_scan_of_all, coefficients) = scan.split_at_checked(2 * usize::from(in_scan))?;
        let (in_frame, in_scan_of_all) = (in_frame.as_chunks::<3>(), in_scan_of_all.as_chunks::<2>().0);
        let sequential = coefficients == [0, 63, 0];
        let whole = in_frame.1.is_empty() && in_frame.0.len() == usize::from(count) && count == in_scan;
        if bits != 8 || !side.contains(&width) || !side.contains(&height) || !sequential || !whole {
            return None;
        }
        if self.profile.0 != self.profile.1
            || !blocks_are_known(in_frame.0)
            || !(count == 1 || self.is_ycbcr(in_frame.0))
        {
            return None;
        }
        let components = in_frame.0.iter().zip(in_scan_of_all).map(|(&[id, factors, steps], &[same_id, tables])| {
            let table = |codes: &[Option<Code<'a>>], index: u8| *codes.get(usize::from(index))?;
            Some(Component {
                // A component alone comes block by block, whatever its factors.
                blocks: if count == 1 { (1, 1) } else { (factors >> 4, factors & 15) },
                steps: (*self.steps.get(usize::from(steps))?)?,
                first: table(&self.first, tables >> 4)?,
                others: table(&self.others, tables & 15)?,
            })
            .filter(|_| id == same_id)
        });
        let components = components.collect::<Option<_>>()?;
        Some(Frame { width, height, restart_interval: self.restart_interval, components })
    }

    /// Three components are YCbCr unless something says that they are red, green and blue. Who says it, and what
    /// counts if two do, is libjpeg's business.
    fn is_ycbcr(&self, components: &[[u8; 3]]) -> bool {
        let ids = components.iter().map(|&[id, ..]| id);
        let different = |ids: &[u8]| ids.len() == 3 && ids[0] != ids[1] && ids[1] != ids[2] && ids[0] != ids[2];
        let ids: Vec<u8> = ids.collect();
        different(&ids) && matches!(self.adobe, None | Some(1)) && (self.jfif || self.adobe.is_some() || ids != b"RGB")
    }
}

/// One component of any factors, or chroma of one block beside brightness of one or two in each direction.
fn blocks_are_known(components: &[[u8; 3]]) -> bool {
    let factors = |&[_, factors, _]: &[u8; 3]| (factors >> 4, factors & 15);
    match components {
        [alone] => {
            let (across, down) = factors(alone);
            (1..=4).contains(&across) && (1..=4).contains(&down)
        }
        [brightness, blue, red] => {
            let (across, down) = factors(brightness);
            (1..=2).contains(&across) && (1..=2).contains(&down) && factors(blue) == (1, 1) && factors(red) == (1, 1)
        }
        _ => false,
    }
}
