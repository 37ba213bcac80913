//! Letters of three by five pixels, so that a picture can say what was found without a font.

/// Columns of a letter.
pub(super) const WIDTH: usize = 3;
/// Rows of a letter.
pub(super) const HEIGHT: usize = 5;

/// Five rows of three pixels each, from above: a row is an octal digit, 4 its left pixel. Capitals only.
const LETTERS: [(char, u16); 47] = [
    ('A', 0o25755),
    ('B', 0o65656),
    ('C', 0o34443),
    ('D', 0o65556),
    ('E', 0o74647),
    ('F', 0o74644),
    ('G', 0o34553),
    ('H', 0o55755),
    ('I', 0o72227),
    ('J', 0o11152),
    ('K', 0o55655),
    ('L', 0o44447),
    ('M', 0o57755),
    ('N', 0o65555),
    ('O', 0o25552),
    ('P', 0o65644),
    ('Q', 0o25563),
    ('R', 0o65655),
    ('S', 0o34216),
    ('T', 0o72222),
    ('U', 0o55557),
    ('V', 0o55552),
    ('W', 0o55775),
    ('X', 0o55255),
    ('Y', 0o55222),
    ('Z', 0o71247),
    ('0', 0o75557),
    ('1', 0o26227),
    ('2', 0o71747),
    ('3', 0o71317),
    ('4', 0o55711),
    ('5', 0o74717),
    ('6', 0o74757),
    ('7', 0o71122),
    ('8', 0o75757),
    ('9', 0o75717),
    (' ', 0),
    ('.', 0o2),
    (',', 0o24),
    (':', 0o2020),
    ('-', 0o700),
    ('_', 0o7),
    ('/', 0o11244),
    ('%', 0o51245),
    ('(', 0o24442),
    (')', 0o21112),
    ('+', 0o2720),
];

/// The pixels of a letter that are ink, as columns and rows; of one that is not known, its frame.
pub(super) fn ink(letter: char) -> impl Iterator<Item = (usize, usize)> {
    let capital = letter.to_ascii_uppercase();
    let rows = LETTERS.iter().find(|(known, _)| *known == capital).map_or(0o75557, |(_, rows)| *rows);
    (0..WIDTH * HEIGHT).filter(move |i| rows >> (WIDTH * HEIGHT - 1 - i) & 1 == 1).map(|i| (i % WIDTH, i / WIDTH))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drawn(letter: char) -> String {
        let ink: Vec<_> = ink(letter).collect();
        let row = |y| (0..WIDTH).map(|x| if ink.contains(&(x, y)) { '#' } else { '.' }).collect();
        (0..HEIGHT).map(row).collect::<Vec<String>>().join(" ")
    }

    #[test]
    fn letters_read_from_the_upper_left() {
        assert_eq!(drawn('f'), "### #.. ##. #.. #..");
        assert_eq!(drawn('7'), "### ..# ..# .#. .#.");
        assert_eq!(drawn('.'), "... ... ... ... .#.");
        assert_eq!(drawn('页'), "### #.# #.# #.# ###");
    }
}
