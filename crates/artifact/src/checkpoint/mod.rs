//! Model files without executing anything in them: safetensors and PyTorch archives, as names,
//! shapes and byte ranges into the file, with what a pickle would import.

mod archive;
mod boosted;
mod gguf;
mod hdf5;
mod keras;
mod literal;
mod numpy;
mod onnx;
mod packed;
mod pickle;
mod safetensor;
mod torch;
mod ubjson;

use std::{cell::Cell, collections::BTreeMap, io::Read, ops::Range};

pub use pickle::Global;
pub use torch::{KEYS, OPTIMIZER_ENTRIES};

/// A model file as it was read.
#[derive(Debug, Default)]
pub struct Checkpoint {
    /// `safetensors`, `pytorch`, `pickle`, `numpy`, `keras`, `hdf5`, `onnx`, `gguf`, `xgboost`, `lightgbm`,
    /// `catboost`, or `zip` and `tar` for what holds models without being one.
    pub format: &'static str,
    /// Tensors, sorted by name.
    pub tensors: Vec<Tensor>,
    /// Scalars worth knowing: `epoch`, `global_step`, the file's own metadata.
    pub metadata: BTreeMap<String, String>,
    /// Everything a pickle names for import, in order of first appearance.
    pub globals: Vec<Global>,
    /// Parts of the model that are code of the file's own or reach out of its folder.
    pub operators: Vec<Operator>,
    /// What in the file contradicts itself, though most of it reads.
    pub problems: Vec<String>,
}

/// A part of a model that does more than compute, such as a Keras `Lambda` layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operator {
    /// What it is and where.
    pub what: String,
    /// Code, or a path out of the model's folder; otherwise an operation of a library of its own.
    pub grave: bool,
}

/// One tensor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tensor {
    /// Name in the state dictionary.
    pub name: String,
    /// Type of its elements.
    pub dtype: Dtype,
    /// Shape.
    pub shape: Vec<usize>,
    /// Bytes in the file, contiguous and row-major.
    pub bytes: Range<usize>,
    /// Which file of a model in several.
    pub file: usize,
}

impl Tensor {
    /// Number of elements.
    #[must_use]
    pub fn elements(&self) -> usize {
        self.shape.iter().product()
    }
}

/// Type of a tensor's elements.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are the field's own")]
pub enum Dtype {
    F64,
    F32,
    F16,
    Bf16,
    I64,
    I32,
    I16,
    I8,
    U8,
    Bool,
    /// Complex, quantised and 8-bit floating types: named, not read.
    Other,
}

impl Dtype {
    /// Bytes of an element; 0 when unknown.
    #[must_use]
    pub const fn size(self) -> usize {
        match self {
            Self::F64 | Self::I64 => 8,
            Self::F32 | Self::I32 => 4,
            Self::F16 | Self::Bf16 | Self::I16 => 2,
            Self::I8 | Self::U8 | Self::Bool => 1,
            Self::Other => 0,
        }
    }

    /// Whether elements can be NaN.
    #[must_use]
    pub const fn is_float(self) -> bool {
        matches!(self, Self::F64 | Self::F32 | Self::F16 | Self::Bf16)
    }
}

/// Why a model file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// It begins like a known format and then breaks its rules.
    #[error("{0}")]
    Corrupt(String),
    /// It is of a known format that stops before its end.
    #[error("{0}")]
    Truncated(String),
    /// Its first bytes are those of no format read here.
    #[error("{0}")]
    Unknown(String),
}

/// Modules of Python's standard library and others through which loading runs commands, code or reaches
/// files and networks.
const DANGEROUS: &[&str] = &[
    "os",
    "posix",
    "nt",
    "subprocess",
    "sys",
    "builtins",
    "__builtin__",
    "runpy",
    "importlib",
    "shutil",
    "socket",
    "ctypes",
    "pty",
    "webbrowser",
    "code",
    "codeop",
    "operator",
    "functools",
    "pickle",
    "cPickle",
    "_pickle",
    "marshal",
    "types",
    "requests",
    "urllib",
    "http",
    "asyncio",
    "multiprocessing",
    "threading",
    "platform",
    "pip",
    "timeit",
    "cProfile",
    "profile",
    "pdb",
    "bdb",
    "trace",
    "torch.hub",
    "commands",
    "popen2",
    "io",
    "_io",
    "tempfile",
    "pkgutil",
    "zipimport",
    "ftplib",
    "smtplib",
    "ssl",
    "logging",
    "test",
    "idlelib",
    "lib2to3",
    "ensurepip",
    "venv",
    "pydoc",
    "doctest",
    "linecache",
    "fileinput",
    "distutils",
    "setuptools",
    "signal",
    "gc",
    "inspect",
    "ast",
    "site",
    "sysconfig",
    "concurrent",
    "sqlite3",
    "dbm",
    "shelve",
    "dill",
    "cloudpickle",
    "xmlrpc",
    "imaplib",
    "telnetlib",
    "poplib",
    "nntplib",
    "socketserver",
    "wsgiref",
    "cgi",
    "crypt",
    "getpass",
    "curses",
    "tkinter",
    "turtle",
    "cmd",
    "readline",
    "rlcompleter",
    "atexit",
    "faulthandler",
    "mmap",
    "resource",
    "fcntl",
    "termios",
    "winreg",
    "msvcrt",
    "_winapi",
    "nturl2path",
    "antigravity",
    "this",
];

/// Whether a module is one through which loading a file runs code or reaches out.
#[must_use]
pub fn is_dangerous(module: &str) -> bool {
    DANGEROUS.iter().any(|known| module == *known || module.strip_prefix(known).is_some_and(|rest| rest.starts_with('.')))
}

/// How deep files lie within files, and how much may still be unpacked.
struct Look<'a> {
    depth: usize,
    /// Pickles that the bytes lie within, and how many bytes may still be read of all that lies within others.
    within: pickle::Within<'a>,
    left: &'a Cell<u64>,
}

/// Bytes unpacked of one file, all its parts together.
const MAX_UNPACKED: u64 = 512 << 20;

impl Look<'_> {
    fn deeper(&self) -> Self {
        Self { depth: self.depth + 1, within: self.within, left: self.left }
    }

    /// Unpacks within what is left.
    fn unpack(&self, packed: impl Read) -> Result<Vec<u8>, String> {
        let (mut plain, left) = (Vec::new(), self.left.get());
        let read = packed.take(left + 1).read_to_end(&mut plain);
        if plain.len() as u64 > left {
            return Err(format!("unpacks to more than {} MiB in all; save it without compression", MAX_UNPACKED >> 20));
        }
        self.left.set(left - plain.len() as u64);
        match read {
            // Damaged at its end: a loader may have run what comes before.
            Err(error) if plain.is_empty() => Err(format!("is packed and damaged: {error}")),
            _ => Ok(plain),
        }
    }
}

impl Checkpoint {
    /// Takes over what the pickles of a part would do; of bytes that may be none, only what reads as names.
    fn absorb_names(&mut self, found: pickle::Scan, sure: bool) {
        pickle::adopt(&mut self.globals, found.globals.into_iter().filter(|g| sure || g.is_name()), 0);
        for what in found.reaches {
            if !self.operators.iter().any(|o| o.what == what) {
                self.operators.push(Operator { what, grave: true });
            }
        }
    }

    /// Takes over a further file of a model that lies in several.
    pub fn join(&mut self, shard: Self, file: usize, name: &str) {
        self.tensors.extend(shard.tensors.into_iter().map(|t| Tensor { file, ..t }));
        self.problems.extend(shard.problems.iter().map(|problem| format!("{name}: {problem}")));
        self.absorb(Self {
            globals: shard.globals,
            operators: shard.operators,
            metadata: shard.metadata,
            format: shard.format,
            ..Self::default()
        });
        self.tensors.sort_by(|a, b| a.name.cmp(&b.name));
    }

    /// Takes over what a part of the file would do.
    fn absorb(&mut self, part: Self) {
        let names = pickle::Scan { globals: part.globals, ..pickle::Scan::default() };
        self.absorb_names(names, true);
        self.operators.extend(part.operators);
        self.problems.extend(part.problems);
        self.metadata.extend(part.metadata);
        if self.format.is_empty() || self.format == "tar" {
            self.format = part.format;
        }
    }
}

/// Reads a model file. Nothing is executed and no tensor is copied.
///
/// # Errors
/// When it is corrupt, truncated, or of no format read here.
pub fn read_checkpoint(bytes: &[u8]) -> Result<Checkpoint, CheckpointError> {
    let (left, work) = (Cell::new(MAX_UNPACKED), pickle::Within::allowance(bytes.len()));
    read_at(bytes, &Look { depth: 0, within: pickle::Within { depth: 0, work: &work }, left: &left })
}

fn read_at(bytes: &[u8], look: &Look<'_>) -> Result<Checkpoint, CheckpointError> {
    let archived = bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"PK\x05\x06");
    let read = if archived { archive::read(bytes, look) } else { by_beginning(bytes, look) };
    // An archive is found by its end: whatever stands before it, some loader opens it.
    let read = if archived || !archive::ends(bytes) {
        read
    } else {
        match (read, archive::read(bytes, look)) {
            (Ok(mut read), Ok(behind)) => {
                read.absorb(behind);
                Ok(read)
            }
            (Err(_), Ok(behind)) => Ok(behind),
            // Without a directory there is no archive; one that breaks hides something.
            (Ok(mut read), Err(CheckpointError::Corrupt(why))) => {
                read.problems.push(format!("an archive at its end: {why}"));
                Ok(read)
            }
            (read, Err(_)) => read,
        }
    };
    let read = read.map(|mut checkpoint| {
        // HDF5 may begin behind a block of anything.
        if !matches!(checkpoint.format, "hdf5" | "keras") && hdf5::begins(bytes) {
            checkpoint.absorb(hdf5::read(bytes));
        }
        // Valid in its own format, and a pickle as well: a loader of pickles asks for no format.
        if !matches!(checkpoint.format, "pickle" | "pytorch" | "zip" | "keras" | "numpy" | "tar") && look.depth == 0 {
            let mut found = pickle::scan(bytes, look.within);
            found.globals.retain(|g| g.called && g.is_name());
            checkpoint.absorb_names(found, true);
        }
        checkpoint
    });
    let mut checkpoint = match read {
        Ok(checkpoint) => checkpoint,
        Err(error) => pretended(bytes, &error, look).ok_or(error)?,
    };
    checkpoint.tensors.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(checkpoint)
}

fn by_beginning(bytes: &[u8], look: &Look<'_>) -> Result<Checkpoint, CheckpointError> {
    if bytes.starts_with(&[0x80]) && matches!(bytes.get(1), Some(0..=5)) {
        torch::read_bare_pickle(bytes, look)
    } else if bytes.starts_with(numpy::MAGIC) {
        numpy::read(bytes, look)
    } else if bytes.starts_with(gguf::MAGIC) {
        gguf::read(bytes)
    } else if hdf5::begins(bytes) {
        Ok(hdf5::read(bytes))
    } else if let Some(boosted) = boosted::read(bytes) {
        Ok(boosted)
    } else if let Some(read) = packed::read(bytes, look) {
        read
    } else if looks_like_safetensors(bytes) {
        safetensor::read(bytes)
    } else if onnx::is_onnx(bytes) {
        onnx::read(bytes)
    } else {
        old_pickle(bytes, look).ok_or_else(|| CheckpointError::Unknown(unknown(bytes)))
    }
}

/// A pickle of the first protocols, which begins like anything: it must read to its end, or name what
/// Python could import.
fn old_pickle(bytes: &[u8], look: &Look<'_>) -> Option<Checkpoint> {
    let found = pickle::scan(bytes, look.within);
    let names = found.globals.iter().any(pickle::Global::is_name);
    if !names && (found.broken.is_some() || bytes.len() < 4) {
        return None;
    }
    let mut out = Checkpoint { format: "pickle", ..Checkpoint::default() };
    out.problems.extend(found.broken.clone());
    out.absorb_names(found, false);
    Some(out)
}

/// A file that is broken as what it pretends to be: as a pickle, which cares for no beginning, it may run.
fn pretended(bytes: &[u8], error: &CheckpointError, look: &Look<'_>) -> Option<Checkpoint> {
    if matches!(error, CheckpointError::Unknown(_)) {
        return None;
    }
    let mut out = old_pickle(bytes, look).filter(|found| !found.globals.is_empty())?;
    out.problems.insert(0, error.to_string());
    Some(out)
}

fn looks_like_safetensors(bytes: &[u8]) -> bool {
    // Eight bytes of header length, then a JSON object.
    bytes.get(8) == Some(&b'{') || bytes.len() > 8 && bytes[..8].iter().skip(4).all(|&b| b == 0) && bytes[8].is_ascii_whitespace()
}

fn unknown(bytes: &[u8]) -> String {
    let kind = match bytes {
        [b'7', b'z', 0xbc, 0xaf, 0x27, 0x1c, ..] => "a 7z archive, which no framework loads; unpack it first",
        _ => "no format known here",
    };
    let first: Vec<String> = bytes.iter().take(8).map(|b| format!("{b:02x}")).collect();
    format!("the first bytes ({}) are {kind}; hand in a safetensors file or a PyTorch checkpoint", first.join(" "))
}
