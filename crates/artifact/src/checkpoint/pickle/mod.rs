//! Pickles as inert data: a stack machine that builds nodes in an arena and never imports, calls
//! or constructs anything. What would be imported is listed with its place.
//!
//! Opcodes are those of Python's `pickletools` (protocols 0 to 5).

mod embedded;
mod machine;
mod text;

use std::ops::Range;

use machine::{Arrays, Machine};

/// A name that the pickle would import.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Global {
    /// Module as it is written.
    pub module: String,
    /// Name within the module; dots lead through attributes.
    pub name: String,
    /// Offset of the opcode in the pickle.
    pub position: usize,
    /// Whether the pickle calls it.
    pub called: bool,
    /// Whether it is called in a way that cannot be judged here: with bytes made while loading, say.
    pub unread: bool,
}

impl Global {
    /// `module.name`.
    #[must_use]
    pub fn path(&self) -> String {
        format!("{}.{}", self.module, self.name)
    }

    fn is(&self, module: &str, name: &str) -> bool {
        self.module == module && self.name == name
    }

    fn is_getattr(&self) -> bool {
        self.name == "getattr" && matches!(self.module.as_str(), "builtins" | "__builtin__")
    }

    /// Whether Python could import it: bytes that are no pickle seldom name anything.
    pub(super) fn is_name(&self) -> bool {
        let identifier = |part: &str| {
            part.chars().next().is_some_and(|c| c.is_alphabetic() || c == '_')
                && part.chars().all(|c| c.is_alphanumeric() || c == '_')
        };
        !self.module.is_empty() && self.module.split('.').all(identifier) && self.name.split('.').all(identifier)
    }
}

/// Index of a node.
pub(super) type Id = u32;

/// A value of the pickle.
#[derive(Debug, Clone)]
pub(super) enum Node {
    Int(i64),
    Float(f64),
    Text(String),
    /// Tuples, lists, sets.
    Items(Vec<Id>),
    Dict(Vec<(Id, Id)>),
    /// Index into the globals.
    Global(u32),
    /// What the pickle would call: callee and arguments.
    Call(Id, Id),
    Persistent(Id),
    /// Bytes that stand in the pickle.
    Bytes(Range<usize>),
    /// None, booleans, big integers: not needed.
    Opaque,
    Mark,
}

/// A pickle read to its end, or as far as it goes.
#[derive(Debug)]
pub(super) struct Pickle {
    pub(super) nodes: Vec<Node>,
    pub(super) root: Id,
    pub(super) globals: Vec<Global>,
    /// Bytes up to and including STOP.
    pub(super) length: usize,
}

/// Pickles read from one address on, as one loader or another would read them.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) globals: Vec<Global>,
    /// Files of others that it would have read.
    pub(super) reaches: Vec<String>,
    /// Why the first pickle could not be read to its end.
    pub(super) broken: Option<String>,
    /// Pickles read to their end.
    pub(super) pickles: usize,
}

impl Scan {
    fn add(&mut self, machine: Machine<'_>, ended: Result<Pickle, String>, at: usize, sure: bool) -> Option<usize> {
        let (globals, length) = match ended {
            Ok(pickle) => (pickle.globals, Some(pickle.length)),
            Err(_) => (machine.globals, None),
        };
        adopt(&mut self.globals, globals.into_iter().filter(|g| sure || g.is_name()), at);
        self.reaches.extend(machine.reaches);
        length
    }
}

/// Puts the names of one pickle to those of another that begins `at` bytes before.
fn adopt(known: &mut Vec<Global>, more: impl IntoIterator<Item = Global>, at: usize) {
    for global in more {
        if let Some(same) = known.iter_mut().find(|g| g.module == global.module && g.name == global.name) {
            same.called |= global.called;
            same.unread |= global.unread;
        } else if known.len() < machine::MAX_GLOBALS {
            known.push(Global { position: global.position + at, ..global });
        }
    }
}

/// `torch.save` before its archives: magic number, protocol, system, object, keys, then raw storages.
const OLD_TORCH: &[u8] = b"\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19";
const OLD_TORCH_PICKLES: usize = 5;
/// Pickles one after the other that are looked at.
const MAX_STREAM: usize = 1000;

/// Reads one pickle from the start of `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<Pickle, String> {
    let mut machine = Machine::new(bytes, 0, Arrays::Skipped);
    machine.run().map_err(|reason| format!("pickle offset {}: {reason}", machine.at))
}

/// Everything that loading these bytes as a pickle, or as several in a row, would import. Of a pickle that
/// breaks, what it names before counts: by then it has been run.
pub(super) fn scan(bytes: &[u8]) -> Scan {
    scan_at(bytes, 0)
}

fn scan_at(bytes: &[u8], depth: usize) -> Scan {
    let (mut out, mut at) = (Scan::default(), 0);
    let old_torch = bytes.get(..16).is_some_and(|head| head.windows(OLD_TORCH.len()).any(|w| w == OLD_TORCH));
    for nth in 0..if old_torch { OLD_TORCH_PICKLES } else { MAX_STREAM } {
        let mut machine = Machine::new(&bytes[at..], depth, Arrays::Skipped);
        let ended = machine.run();
        if let (0, Err(reason)) = (nth, &ended) {
            out.broken = Some(format!("pickle offset {}: {reason}", machine.at));
        }
        // What follows the first pickle may be anything.
        let Some(length) = out.add(machine, ended, at, nth == 0) else { break };
        out.pickles += 1;
        at += length;
        if at >= bytes.len() {
            break;
        }
    }
    // `pickle.load` knows nothing of joblib's arrays and runs their bytes.
    if out.globals.iter().any(|g| g.module == "joblib.numpy_pickle") {
        let mut machine = Machine::new(bytes, depth, Arrays::Run);
        let ended = machine.run();
        // Numbers read as opcodes name things at times, and seldom call them; a class is no module.
        let plausible = |g: &Global| g.called && !g.module.starts_with(char::is_uppercase);
        machine.globals.retain(plausible);
        let ended = ended.map(|mut pickle| {
            pickle.globals.retain(plausible);
            pickle
        });
        out.add(machine, ended, 0, false);
    }
    out
}

impl Pickle {
    pub(super) fn node(&self, id: Id) -> &Node {
        &self.nodes[id as usize]
    }

    pub(super) fn text(&self, id: Id) -> Option<&str> {
        match self.node(id) {
            Node::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(super) fn int(&self, id: Id) -> Option<i64> {
        match self.node(id) {
            Node::Int(v) => Some(*v),
            _ => None,
        }
    }

    pub(super) fn items(&self, id: Id) -> Option<&[Id]> {
        match self.node(id) {
            Node::Items(items) => Some(items),
            _ => None,
        }
    }

    /// `module.name` of an imported name.
    pub(super) fn global(&self, id: Id) -> Option<String> {
        match self.node(id) {
            Node::Global(index) => Some(self.globals[*index as usize].path()),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pickle_that_would_run_a_command_is_read_and_named() {
        // cos\nsystem\n(S'echo hi'\ntR.  -- the classic.
        let pickle = read(b"cos\nsystem\n(S'echo hi'\ntR.").expect("reads");
        let named = Global { module: "os".into(), name: "system".into(), position: 0, called: true, unread: false };
        assert_eq!(pickle.globals, [named]);
        // The same by STACK_GLOBAL.
        let pickle = read(b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x02id\x85R.").expect("reads");
        assert_eq!(pickle.globals[0].path(), "posix.system");
    }

    #[test]
    fn no_input_panics_or_runs_away() {
        for bytes in [
            &b""[..],
            b"(",
            b"0.",
            b"\x80\x02",
            b"R",
            b"t.",
            b"q\xff",
            b"\x8e\xff\xff\xff\xff\xff\xff\xff\xff",
            b"r\xff\xff\xff\x7f",
            b"c\xff\n",
            b"S'\\x\nV\\u12\n",
        ] {
            assert!(read(bytes).is_err(), "{bytes:?}");
        }
        // A pickle in the bytes of another, as `_load_from_bytes` would run it.
        let inner = b"\x80\x02cos\nsystem\n(S'id'\ntR.";
        let outer = [b"\x80\x03C", &[inner.len() as u8][..], inner, b"."].concat();
        assert_eq!(read(&outer).expect("reads").globals[0].path(), "os.system");
        // Self-reference through the memo.
        assert!(read(b"]q\x00h\x00a.").is_ok());
        // A million nested lists: an arena has no recursive drop.
        let nested = [b"(".repeat(1_000_000), b"l".repeat(1_000_000), b".".to_vec()].concat();
        assert!(read(&nested).is_ok());
    }
}
