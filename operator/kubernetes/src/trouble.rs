//! Trouble that lasts is told once, and once that it is over: what is tried five times a second
//! would bury everything else in the log.

/// What was told last.
#[derive(Debug, Default)]
pub(crate) struct Trouble {
    told: Option<String>,
}

impl Trouble {
    /// True if this was not told already.
    pub(crate) fn is_news(&mut self, sentence: &str) -> bool {
        let news = self.told.as_deref() != Some(sentence);
        if news {
            self.told = Some(sentence.to_owned());
        }
        news
    }

    /// True if there was trouble until now.
    pub(crate) fn is_over(&mut self) -> bool {
        self.told.take().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::Trouble;

    #[test]
    fn each_change_is_told_once() {
        let mut trouble = Trouble::default();
        assert!(!trouble.is_over(), "all is well at first");
        assert!(trouble.is_news("forbidden"));
        assert!(!trouble.is_news("forbidden"));
        assert!(trouble.is_news("no answer"));
        assert!(trouble.is_over());
        assert!(!trouble.is_over());
        assert!(trouble.is_news("no answer"), "again");
    }
}
