mod limits;

pub use limits::{check, MAX_BYTES};

pub struct Header {
    pub width: u32,
    pub height: u32,
}

#[derive(Debug, PartialEq)]
pub enum Error {
    Truncated,
    Empty,
    TooLarge { bytes: u64 },
}

/// The first eight bytes: width and height, big endian.
pub fn header(data: &[u8]) -> Result<Header, Error> {
    let word = |at: usize| -> Result<u32, Error> {
        let bytes = data.get(at..at + 4).ok_or(Error::Truncated)?;
        Ok(u32::from_be_bytes(bytes.try_into().expect("four bytes")))
    };
    Ok(Header { width: word(0)?, height: word(4)? })
}
