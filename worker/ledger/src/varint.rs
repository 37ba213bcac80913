//! Unsigned LEB128 integers: seven bits a byte, low bits first, no padding.

/// Most bytes that a `u64` takes.
const MAX_LEN: usize = 10;

/// Appends `value` in one to ten bytes.
pub(crate) fn push(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Takes one integer off the front of `bytes`; `None` when it is cut off, too large for a `u64`, or
/// longer than needed (so that each value has exactly one encoding).
pub(crate) fn take(bytes: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for (index, &byte) in bytes.iter().enumerate().take(MAX_LEN) {
        let bits = u64::from(byte & 0x7f);
        let shift = 7 * index as u32;
        if bits << shift >> shift != bits {
            return None;
        }
        value |= bits << shift;
        if byte & 0x80 == 0 {
            let padded = byte == 0 && index > 0;
            *bytes = &bytes[index + 1..];
            return (!padded).then_some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn lengths_step_at_powers_of_128() {
        for (value, len) in [(0, 1), (127, 1), (128, 2), (16_383, 2), (16_384, 3), (u64::MAX, 10)] {
            let mut out = Vec::new();
            push(&mut out, value);
            assert_eq!(out.len(), len, "{value}");
        }
    }

    #[test]
    fn cut_off_padded_and_oversized_integers_are_refused() {
        for bytes in [&[][..], &[0x80], &[0x80, 0x00], &[0xff; 10], &[0xff; 11]] {
            assert_eq!(take(&mut &bytes[..]), None, "{bytes:?}");
        }
    }

    proptest! {
        #[test]
        fn what_was_pushed_is_taken(values in prop::collection::vec(any::<u64>(), 0..20)) {
            let mut out = Vec::new();
            for &value in &values {
                push(&mut out, value);
            }
            let mut rest = &out[..];
            for value in values {
                prop_assert_eq!(take(&mut rest), Some(value));
            }
            prop_assert!(rest.is_empty());
        }
    }
}
