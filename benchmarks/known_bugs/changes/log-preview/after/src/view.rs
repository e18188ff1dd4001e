//! How entries of the log are shown.

pub const PREVIEW: usize = 200;

pub struct Entry {
    pub level: String,
    pub message: String,
}

/// A text and whether there is more of it.
#[derive(Debug, PartialEq)]
pub struct Preview {
    pub text: String,
    pub more: bool,
}

pub fn line(entry: &Entry) -> String {
    let preview = preview(&entry.message, PREVIEW);
    format!("{:5} {}", entry.level, preview.text)
}

/// The beginning of the first line of a text.
pub fn preview(text: &str, limit: usize) -> Preview {
    let first = text.lines().next().unwrap_or("");
    if first.len() <= limit {
        return Preview { text: first.to_owned(), more: first.len() < text.trim_end().len() };
    }
    let text = first;
    let head = text[..limit].trim_end();
    Preview { text: format!("{head}…"), more: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_text_is_shown_whole() {
        assert_eq!(preview("all is well", 20), Preview { text: "all is well".into(), more: false });
    }

    #[test]
    fn a_long_text_is_cut() {
        assert_eq!(preview("one two three", 7), Preview { text: "one two…".into(), more: true });
    }

    #[test]
    fn only_the_first_line_is_shown() {
        assert_eq!(preview("one\ntwo", 20), Preview { text: "one".into(), more: true });
    }
}
