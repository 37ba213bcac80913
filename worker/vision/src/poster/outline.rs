//! What stands in the way has hardly any dents: between two parts of it there is more of it, even where it happens
//! to look like the poster behind it.

/// A tile by its column and row.
type Place = (i64, i64);

/// All tiles within the convex outline of some tiles of a grid that is `across` wide.
pub(super) fn filled(tiles: &[usize], across: usize) -> Vec<usize> {
    let place = |&tile: &usize| ((tile % across) as i64, (tile / across) as i64);
    let outline = outline(tiles.iter().map(place).collect());
    let (Some(first), Some(last)) = (tiles.iter().min(), tiles.iter().max()) else { return Vec::new() };
    let rows = first / across..=last / across;
    rows.flat_map(|row| row * across..(row + 1) * across).filter(|tile| encloses(&outline, place(tile))).collect()
}

/// The corners of the convex outline, clockwise as rows grow downwards (Andrew's monotone chain).
fn outline(mut places: Vec<Place>) -> Vec<Place> {
    places.sort_unstable();
    places.dedup();
    if places.len() < 3 {
        return places;
    }
    let half = |places: &mut dyn Iterator<Item = Place>| {
        let mut chain: Vec<Place> = Vec::new();
        for place in places {
            while chain.len() >= 2 && turn(chain[chain.len() - 2], chain[chain.len() - 1], place) <= 0 {
                chain.pop();
            }
            chain.push(place);
        }
        chain.pop(); // the other half begins with it
        chain
    };
    [half(&mut places.iter().copied()), half(&mut places.iter().rev().copied())].concat()
}

/// Above 0 where the way from `a` over `b` to `c` turns to the right, rows growing downwards.
fn turn(a: Place, b: Place, c: Place) -> i64 {
    (b.0 - a.0) * (c.1 - a.1) - (b.1 - a.1) * (c.0 - a.0)
}

/// Whether a place is within an outline or on it.
fn encloses(outline: &[Place], place: Place) -> bool {
    let sides = outline.iter().zip(outline.iter().cycle().skip(1));
    let within = |(a, b): (&Place, &Place)| {
        let between = |low: i64, value: i64, high: i64| (low.min(high)..=low.max(high)).contains(&value);
        match turn(*a, *b, place) {
            0 => outline.len() > 2 || (between(a.0, place.0, b.0) && between(a.1, place.1, b.1)),
            turned => turned > 0,
        }
    };
    sides.into_iter().all(within)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `#` are the tiles, `o` what is filled up.
    fn check(what: &str, rows: &[&str]) {
        let across = rows[0].len();
        let cells: Vec<char> = rows.iter().flat_map(|row| row.chars()).collect();
        let of = |wanted: &[char]| (0..cells.len()).filter(|&i| wanted.contains(&cells[i])).collect::<Vec<_>>();
        assert_eq!(filled(&of(&['#']), across), of(&['#', 'o']), "{what}");
    }

    #[test]
    fn dents_are_filled_and_nothing_else() {
        check("nothing", &["....", "...."]);
        check("a tile", &["....", ".#.."]);
        check("a row", &["......", ".#oo#.", "......"]);
        check("a slope", &["#....", ".o...", "..#.."]);
        check("a block", &[".##.", ".##.", "...."]);
        check("a dent", &["#####", "#ooo#", "#ooo#"]);
        check("a bay", &["..###", ".ooo#", "#ooo#", ".ooo#", "..###"]);
    }
}
