//! How much of each pixel is covered: the shape of letters, before they have a colour.

/// Coverage from 0 (none) to 255 (all), row by row; at least one pixel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mask {
    width: u32,
    height: u32,
    coverage: Vec<u8>,
}

impl Mask {
    pub(crate) fn empty(width: u32, height: u32) -> Self {
        Self { width, height, coverage: vec![0; width as usize * height as usize] }
    }

    /// Pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// All rows, one after the other.
    pub fn coverage(&self) -> &[u8] {
        &self.coverage
    }

    /// Coverage of a pixel; none outside.
    pub(crate) fn level(&self, x: i32, y: i32) -> u8 {
        self.index(x, y).map_or(0, |i| self.coverage[i])
    }

    /// Adds a shape with its upper left pixel at `left`, `top`; what stands out is cut off.
    pub(crate) fn add(&mut self, left: i32, top: i32, width: u32, shape: &[u8]) {
        for (y, row) in shape.chunks_exact(width.max(1) as usize).enumerate() {
            for (x, &covered) in row.iter().enumerate() {
                if let Some(i) = self.index(left + x as i32, top + y as i32) {
                    self.coverage[i] = self.coverage[i].max(covered);
                }
            }
        }
    }

    fn index(&self, x: i32, y: i32) -> Option<usize> {
        let inside = (0..self.width as i32).contains(&x) && (0..self.height as i32).contains(&y);
        inside.then(|| y as usize * self.width as usize + x as usize)
    }

    /// The same shape grown by `reach` pixels on all sides, in a mask that is larger by as many.
    #[must_use]
    pub(crate) fn grown(&self, reach: u32) -> Self {
        let (width, height) = (self.width + 2 * reach, self.height + 2 * reach);
        let mut wide = Self::empty(width, height);
        wide.add(reach as i32, reach as i32, self.width, &self.coverage);
        wide.spread(reach as usize, 1, width as usize).spread(reach as usize, width as usize, height as usize)
    }

    /// The largest of each pixel and its `reach` neighbours on both sides along lines of `length` pixels.
    fn spread(&self, reach: usize, step: usize, length: usize) -> Self {
        let coverage = (0..self.coverage.len()).map(|i| {
            let along = i / step % length;
            let (before, after) = (reach.min(along), reach.min(length - 1 - along));
            (i - before * step..=i + after * step).step_by(step).map(|j| self.coverage[j]).max().unwrap_or(0)
        });
        Self { coverage: coverage.collect(), ..*self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes_are_added_cut_and_grown() {
        let mut mask = Mask::empty(4, 3);
        mask.add(-1, 0, 2, &[9, 7, 9, 8]);
        mask.add(3, 2, 2, &[5, 9, 9, 9]);
        assert_eq!(mask.coverage(), [7, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 5]);
        let mut dot = Mask::empty(1, 1);
        dot.add(0, 0, 1, &[200]);
        let grown = dot.grown(1);
        assert_eq!((grown.width(), grown.height(), grown.coverage()), (3, 3, &[200; 9][..]));
        let mut corner = Mask::empty(2, 1);
        corner.add(0, 0, 1, &[9]);
        assert_eq!(corner.grown(1).coverage(), [9, 9, 9, 0, 9, 9, 9, 0, 9, 9, 9, 0]);
    }
}
