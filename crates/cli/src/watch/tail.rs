//! A file that is being written, read on from where it was left.

use std::{
    fs::File,
    io::{self, Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

/// Most bytes read at once.
const PIECE: u64 = 4 << 20;
/// Bytes at the beginning and before the end of what was read, by which a file is known that was written anew:
/// Lightning does that when a metric comes that its header has not.
const MARK: usize = 1024;
/// Times in a row that a file must be found shorter than it was: Lightning empties its log to write all of it again.
const SHORT: u32 = 3;

/// A file and how far it was read.
#[derive(Debug)]
pub(super) struct Tail {
    path: PathBuf,
    offset: u64,
    begin: Vec<u8>,
    end: Vec<u8>,
    /// Times in a row that less was there than was read.
    short: u32,
}

/// What came of reading on.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum More {
    /// What was written since; empty at the file's present end.
    Bytes(Vec<u8>),
    /// What was read stands there otherwise now: reading begins again.
    Anew,
    /// Less is there than was read, and stays so: it is another run's log.
    Other,
}

impl Tail {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), offset: 0, begin: Vec::new(), end: Vec::new(), short: 0 }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads on.
    pub(super) fn more(&mut self) -> io::Result<More> {
        let mut file = File::open(&self.path)?;
        if file.metadata()?.len() < self.offset {
            self.short += 1;
            if self.short < SHORT {
                return Ok(More::Bytes(Vec::new()));
            }
        }
        // One that was emptied and holds something else now is another run's, however long it is by now.
        let other = self.short > 0;
        if self.short >= SHORT || !self.goes_on(&mut file)? {
            *self = Self::new(&self.path);
            return Ok(if other { More::Other } else { More::Anew });
        }
        self.short = 0;
        file.seek(SeekFrom::Start(self.offset))?;
        let mut bytes = Vec::new();
        file.take(PIECE).read_to_end(&mut bytes)?;
        self.offset += bytes.len() as u64;
        let missing = MARK.saturating_sub(self.begin.len()).min(bytes.len());
        self.begin.extend_from_slice(&bytes[..missing]);
        self.end.extend_from_slice(&bytes[bytes.len().saturating_sub(MARK)..]);
        self.end.drain(..self.end.len().saturating_sub(MARK));
        Ok(More::Bytes(bytes))
    }

    /// Whether the file still begins and goes on as what was read of it.
    fn goes_on(&self, file: &mut File) -> io::Result<bool> {
        for (mark, at) in [(&self.begin, 0), (&self.end, self.offset - self.end.len() as u64)] {
            let mut now = vec![0; mark.len()];
            file.seek(SeekFrom::Start(at))?;
            match file.read_exact(&mut now) {
                Ok(()) if now == **mark => {}
                Ok(()) => return Ok(false),
                // It became shorter just now: the next time will tell.
                Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_appended_is_read_once_and_what_is_written_anew_from_its_beginning() {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let mut tail = Tail::new(file.path());
        let bytes = |text: &str| More::Bytes(text.as_bytes().to_vec());
        let write = |text: &str| std::fs::write(file.path(), text).expect("writes");
        let mut more = || tail.more().expect("reads");
        assert_eq!(more(), bytes(""));
        write("step,loss\n1,");
        assert_eq!(more(), bytes("step,loss\n1,"));
        let mut appended = File::options().append(true).open(file.path()).expect("opens");
        appended.write_all(b"0.5\n").expect("writes");
        assert_eq!((more(), more()), (bytes("0.5\n"), bytes("")));
        // The same bytes again, and more behind them, is the same file.
        write("step,loss\n1,0.5\n2,0.4\n");
        assert_eq!(more(), bytes("2,0.4\n"));
        write("step,loss,val\n1,0.5,\n2,0.4,0.6\n");
        assert_eq!((more(), more()), (More::Anew, bytes("step,loss,val\n1,0.5,\n2,0.4,0.6\n")));
        // Emptied to be written again, and emptied for good.
        write("step,loss");
        assert_eq!(more(), bytes(""));
        write("step,loss,val\n1,0.5,\n2,0.4,0.6\n3,0.3,\n");
        assert_eq!(more(), bytes("3,0.3,\n"));
        write("step");
        assert_eq!((more(), more(), more(), more()), (bytes(""), bytes(""), More::Other, bytes("step")));
    }
}
