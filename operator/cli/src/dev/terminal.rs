//! Shows frames: redrawn in place on a terminal, one plain line a second elsewhere.

use std::io::{IsTerminal as _, Stdout, Write as _, stdout};
use std::time::Duration;

use crossterm::{cursor, queue, style, terminal};

use super::frame::Frame;

/// Standard output as it is.
pub(crate) enum Terminal {
    /// A screen; the lines that the last frame took.
    Screen(Stdout, u16),
    /// A file or a pipe.
    Lines,
}

impl Terminal {
    /// A screen if standard output is one and `plain` is not asked for.
    pub(crate) fn open(plain: bool) -> Self {
        if !plain && stdout().is_terminal() { Self::Screen(stdout(), 0) } else { Self::Lines }
    }

    /// How often frames are worth showing.
    pub(crate) fn interval(&self) -> Duration {
        match self {
            Self::Screen(..) => Duration::from_millis(250),
            Self::Lines => Duration::from_secs(1),
        }
    }

    /// Shows a frame over the last one.
    pub(crate) fn show(&mut self, frame: &Frame) -> std::io::Result<()> {
        match self {
            Self::Lines => println!("{}", frame.line()),
            Self::Screen(out, drawn) => {
                let (width, _) = terminal::size().unwrap_or((120, 40));
                erase(out, *drawn)?;
                let lines = frame.screen(usize::from(width));
                for line in &lines {
                    queue!(out, style::Print(line), style::Print("\r\n"))?;
                }
                out.flush()?;
                *drawn = lines.len() as u16;
            }
        }
        Ok(())
    }

    /// Prints a line that stays, above the frame.
    pub(crate) fn say(&mut self, line: &str) -> std::io::Result<()> {
        if let Self::Screen(out, drawn) = self {
            erase(out, *drawn)?;
            *drawn = 0;
        }
        println!("{line}");
        Ok(())
    }
}

fn erase(out: &mut Stdout, lines: u16) -> std::io::Result<()> {
    if lines > 0 {
        queue!(out, cursor::MoveToPreviousLine(lines))?;
    }
    queue!(out, terminal::Clear(terminal::ClearType::FromCursorDown))
}
