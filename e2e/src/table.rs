//! Rows of figures for people: what, how much, what was promised, compared with what.

use std::fmt;

/// The figures so far.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

struct Row {
    what: String,
    figure: String,
    promise: &'static str,
    ratio: String,
}

impl Table {
    /// Adds a figure with its promise, "" where there is none.
    pub fn row(&mut self, what: impl Into<String>, figure: String, promise: &'static str) -> &mut Self {
        self.rows.push(Row { what: what.into(), figure, promise, ratio: String::new() });
        self
    }

    /// Says how the last figure compares.
    pub fn ratio(&mut self, ratio: String) {
        if let Some(row) = self.rows.last_mut() {
            row.ratio = ratio;
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<52} {:>26}   {:<18} compared", "", "measured", "promised")?;
        for Row { what, figure, promise, ratio } in &self.rows {
            writeln!(f, "{what:<52} {figure:>26}   {promise:<18} {ratio}")?;
        }
        Ok(())
    }
}
