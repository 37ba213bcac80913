//! Quantities of bytes as Kubernetes writes them: `1048576`, `64Mi`, `1.5Gi`, `500M`.

/// Bytes that a quantity stands for; none if it is not one, is not a whole number of bytes, or
/// does not fit.
pub(super) fn bytes(quantity: &str) -> Option<u64> {
    const SUFFIXES: [(&str, u64); 9] = [
        ("Ki", 1 << 10),
        ("Mi", 1 << 20),
        ("Gi", 1 << 30),
        ("Ti", 1 << 40),
        ("k", 1_000),
        ("M", 1_000_000),
        ("G", 1_000_000_000),
        ("T", 1_000_000_000_000),
        ("", 1),
    ];
    let (number, unit) =
        SUFFIXES.iter().find_map(|(suffix, unit)| Some((quantity.strip_suffix(suffix)?, u128::from(*unit))))?;
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    // Twelve decimals are more than any suffix can use, and keep the arithmetic within u128.
    if whole.is_empty() || !digits(whole) || !digits(fraction) || fraction.len() > 12 || number.ends_with('.') {
        return None;
    }
    let scale = 10u128.pow(fraction.len() as u32);
    let scaled = whole.parse::<u64>().ok().map(u128::from)? * scale + fraction.parse::<u128>().unwrap_or(0);
    let product = scaled.checked_mul(unit)?;
    (product % scale == 0).then(|| u64::try_from(product / scale).ok())?
}

#[cfg(test)]
mod tests {
    use super::bytes;

    #[test]
    fn quantities_are_read_as_kubernetes_reads_them() {
        let table = [
            ("1048576", Some(1_048_576)),
            ("64Mi", Some(67_108_864)),
            ("1.5Gi", Some(1_610_612_736)),
            ("500M", Some(500_000_000)),
            ("0", Some(0)),
            ("0.5", None),
            ("", None),
            ("Mi", None),
            ("-1", None),
            ("64MB", None),
            ("1.", None),
            ("1e3", None),
            ("18446744073709551615", Some(u64::MAX)),
            ("18446744073709551615Ki", None),
            ("99999999999999999999", None),
        ];
        for (quantity, expected) in table {
            assert_eq!(bytes(quantity), expected, "{quantity:?}");
        }
    }
}
