//! How entries of the log are shown.

pub struct Entry {
    pub level: String,
    pub message: String,
}

pub fn line(entry: &Entry) -> String {
    format!("{:5} {}", entry.level, entry.message)
}
