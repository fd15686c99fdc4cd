//! The stack machine: every opcode of Python's `pickletools` (protocols 0 to 5), with calls noted and never
//! made.

use std::{collections::HashMap, ops::Range};

use super::{Global, Id, Node, Pickle, Within, text};

/// No checkpoint needs more; a memo that refers to itself cannot grow the arena beyond it.
const MAX_OPCODES: usize = 20_000_000;
pub(super) const MAX_GLOBALS: usize = 10_000;

/// What joblib writes between opcodes: `joblib.load` takes it for arrays, `pickle.load` for more opcodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Arrays {
    Skipped,
    Run,
}

pub(super) struct Machine<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    pub(super) nodes: Vec<Node>,
    stack: Vec<Id>,
    memo: HashMap<usize, Id>,
    pub(super) globals: Vec<Global>,
    pub(super) within: Within<'a>,
    pub(super) arrays: Arrays,
    /// Files of others that the pickle would have read.
    pub(super) reaches: Vec<String>,
    /// Whether bytes within are looked into; not when only values are wanted.
    pub(super) inspects: bool,
    /// Place of each name in the list.
    known: HashMap<(String, String), usize>,
    /// What of the bytes within has been looked into, and whether it read to its end.
    pub(super) looked: HashMap<Range<usize>, bool>,
    pub(super) loaded_nodes: HashMap<Id, bool>,
}

impl<'a> Machine<'a> {
    pub(super) fn new(bytes: &'a [u8], within: Within<'a>, arrays: Arrays) -> Self {
        Self {
            bytes,
            at: 0,
            nodes: Vec::new(),
            stack: Vec::new(),
            memo: HashMap::new(),
            globals: Vec::new(),
            within,
            arrays,
            reaches: Vec::new(),
            inspects: true,
            known: HashMap::new(),
            looked: HashMap::new(),
            loaded_nodes: HashMap::new(),
        }
    }

    pub(super) fn take(&mut self, n: usize) -> Result<&'a [u8], String> {
        let end = self.at.checked_add(n).filter(|end| *end <= self.bytes.len()).ok_or("ends in the middle of a value")?;
        let out = &self.bytes[self.at..end];
        self.at = end;
        Ok(out)
    }

    pub(super) fn uint(&mut self, width: usize) -> Result<usize, String> {
        let mut value = 0_u64;
        for (i, byte) in self.take(width)?.iter().enumerate() {
            value |= u64::from(*byte) << (8 * i);
        }
        usize::try_from(value).map_err(|_| "a length beyond this machine".to_owned())
    }

    fn raw_line(&mut self) -> Result<&'a [u8], String> {
        let rest = &self.bytes[self.at..];
        let end = rest.iter().position(|&b| b == b'\n').ok_or("ends in the middle of a line")?;
        self.at += end + 1;
        Ok(&rest[..end])
    }

    fn line(&mut self) -> Result<String, String> {
        Ok(String::from_utf8_lossy(self.raw_line()?).into_owned())
    }

    /// A memo index in digits, with the space that Python's `int` forgives.
    fn index(&mut self) -> Result<usize, String> {
        let digits = self.line()?.trim().replace('_', "");
        digits.strip_prefix(['+', '-']).unwrap_or(&digits).parse().map_err(|_| "a memo index that is no number".to_owned())
    }

    fn text(&mut self, width: usize) -> Result<Node, String> {
        let n = self.uint(width)?;
        Ok(Node::Text(String::from_utf8_lossy(self.take(n)?).into_owned()))
    }

    fn literal(&mut self, width: usize) -> Result<Node, String> {
        let n = self.uint(width)?;
        let from = self.at;
        self.take(n)?;
        self.nested(from..from + n);
        Ok(Node::Bytes(from..from + n))
    }

    pub(super) fn push(&mut self, node: Node) -> Result<(), String> {
        let id = Id::try_from(self.nodes.len()).map_err(|_| "too many values")?;
        self.nodes.push(node);
        self.stack.push(id);
        Ok(())
    }

    fn pop(&mut self) -> Result<Id, String> {
        self.stack.pop().ok_or_else(|| "takes a value from an empty stack".to_owned())
    }

    fn top(&self) -> Result<Id, String> {
        self.stack.last().copied().ok_or_else(|| "looks at an empty stack".to_owned())
    }

    fn pop_to_mark(&mut self) -> Result<Vec<Id>, String> {
        let at = self
            .stack
            .iter()
            .rposition(|&id| matches!(self.nodes[id as usize], Node::Mark))
            .ok_or("has no mark to go back to")?;
        let items = self.stack.split_off(at + 1);
        self.stack.pop();
        Ok(items)
    }

    fn remember(&mut self, index: usize) -> Result<(), String> {
        let top = self.top()?;
        self.memo.insert(index, top);
        Ok(())
    }

    fn recall(&mut self, index: usize) -> Result<(), String> {
        let id = self.memo.get(&index).copied().ok_or("recalls what was never remembered")?;
        self.stack.push(id);
        Ok(())
    }

    fn global(&mut self, module: &str, name: &str, position: usize) -> Result<(), String> {
        let key = (module.to_owned(), name.to_owned());
        let index = match self.known.get(&key) {
            Some(index) => *index,
            None if self.globals.len() >= MAX_GLOBALS => {
                self.globals.push(Global::overflow(position));
                return Err("names too many imports".to_owned());
            }
            None => {
                self.globals.push(Global { position, ..Global::new(module, name) });
                self.known.insert(key, self.globals.len() - 1);
                self.globals.len() - 1
            }
        };
        self.push(Node::Global(u32::try_from(index).map_err(|_| "too many imports")?))
    }

    fn store(&mut self, pairs: &[Id]) -> Result<(), String> {
        let target = self.top()?;
        if !pairs.len().is_multiple_of(2) {
            return Err("sets a key without a value".to_owned());
        }
        match &mut self.nodes[target as usize] {
            Node::Dict(items) => items.extend(pairs.chunks_exact(2).map(|pair| (pair[0], pair[1]))),
            _ => self.touched(target),
        }
        Ok(())
    }

    fn extend(&mut self, more: &[Id]) -> Result<(), String> {
        let target = self.top()?;
        match &mut self.nodes[target as usize] {
            Node::Items(items) => items.extend_from_slice(more),
            _ => self.touched(target),
        }
        Ok(())
    }

    pub(super) fn name_of(&self, id: Id) -> String {
        match &self.nodes[id as usize] {
            Node::Text(text) => text.clone(),
            _ => "?".to_owned(),
        }
    }

    pub(super) fn run(&mut self) -> Result<Pickle, String> {
        for _ in 0..MAX_OPCODES {
            let position = self.at;
            let op = self.take(1)?[0];
            match op {
                b'.' => {
                    let root = self.pop()?;
                    return Ok(Pickle {
                        nodes: std::mem::take(&mut self.nodes),
                        root,
                        globals: std::mem::take(&mut self.globals),
                        length: self.at,
                    });
                }
                // Frames and protocol.
                0x80 => drop(self.take(1)?.len()),
                0x95 => drop(self.take(8)?.len()),
                // Stack.
                b'(' => self.push(Node::Mark)?,
                b'0' => drop(self.pop()?.to_le()),
                b'1' => drop(self.pop_to_mark()?),
                b'2' => {
                    let top = self.top()?;
                    self.stack.push(top);
                }
                // Constants and numbers.
                b'N' | 0x88 | 0x89 => self.push(Node::Opaque)?,
                b'K' => {
                    let v = self.uint(1)?;
                    self.push(Node::Int(i64::try_from(v).unwrap_or(i64::MAX)))?;
                }
                b'M' => {
                    let v = self.uint(2)?;
                    self.push(Node::Int(i64::try_from(v).unwrap_or(i64::MAX)))?;
                }
                b'J' => {
                    let raw: [u8; 4] = self.take(4)?.try_into().map_err(|_| "four bytes")?;
                    self.push(Node::Int(i64::from(i32::from_le_bytes(raw))))?;
                }
                b'I' | b'L' => {
                    let line = self.line()?;
                    self.push(match line.trim_end_matches('L') {
                        "00" | "01" => Node::Opaque,
                        digits => digits.parse().map_or(Node::Opaque, Node::Int),
                    })?;
                }
                0x8a => {
                    let n = self.uint(1)?;
                    let raw = self.take(n)?;
                    let node = if raw.len() <= 8 {
                        let negative = raw.last().is_some_and(|b| b & 0x80 != 0);
                        let mut all = [if negative { 0xff } else { 0 }; 8];
                        all[..raw.len()].copy_from_slice(raw);
                        Node::Int(i64::from_le_bytes(all))
                    } else {
                        Node::Opaque
                    };
                    self.push(node)?;
                }
                0x8b => {
                    let n = self.uint(4)?;
                    self.take(n)?;
                    self.push(Node::Opaque)?;
                }
                b'F' => {
                    let line = self.line()?;
                    self.push(line.trim().parse().map_or(Node::Opaque, Node::Float))?;
                }
                b'G' => {
                    let raw: [u8; 8] = self.take(8)?.try_into().map_err(|_| "eight bytes")?;
                    self.push(Node::Float(f64::from_be_bytes(raw)))?;
                }
                // Text and bytes.
                b'X' | b'T' => {
                    let node = self.text(4)?;
                    self.push(node)?;
                }
                0x8c | b'U' => {
                    let node = self.text(1)?;
                    self.push(node)?;
                }
                0x8d => {
                    let node = self.text(8)?;
                    self.push(node)?;
                }
                b'V' => {
                    let line = self.raw_line()?;
                    self.push(Node::Text(text::raw_unicode(line)))?;
                }
                b'S' => {
                    let line = self.raw_line()?;
                    self.push(Node::Text(text::quoted(line)))?;
                }
                b'C' => {
                    let node = self.literal(1)?;
                    self.push(node)?;
                }
                b'B' => {
                    let node = self.literal(4)?;
                    self.push(node)?;
                }
                0x8e | 0x96 => {
                    let node = self.literal(8)?;
                    self.push(node)?;
                }
                0x97 => self.push(Node::Opaque)?,
                0x98 => {}
                // Containers.
                b')' | b']' | 0x8f => self.push(Node::Items(Vec::new()))?,
                b'}' => self.push(Node::Dict(Vec::new()))?,
                b't' | b'l' | 0x91 => {
                    let items = self.pop_to_mark()?;
                    self.push(Node::Items(items))?;
                }
                0x85..=0x87 => {
                    let n = usize::from(op - 0x84);
                    let at = self.stack.len().checked_sub(n).ok_or("takes values from an empty stack")?;
                    let items = self.stack.split_off(at);
                    self.push(Node::Items(items))?;
                }
                b'd' => {
                    let items = self.pop_to_mark()?;
                    self.push(Node::Dict(Vec::new()))?;
                    self.store(&items)?;
                }
                b'a' => {
                    let item = self.pop()?;
                    self.extend(&[item])?;
                }
                b'e' | 0x90 => {
                    let items = self.pop_to_mark()?;
                    self.extend(&items)?;
                }
                b's' => {
                    let (value, key) = (self.pop()?, self.pop()?);
                    self.store(&[key, value])?;
                }
                b'u' => {
                    let items = self.pop_to_mark()?;
                    self.store(&items)?;
                }
                // Memo.
                b'p' => {
                    let index = self.index()?;
                    self.remember(index)?;
                }
                b'q' => {
                    let index = self.uint(1)?;
                    self.remember(index)?;
                }
                b'r' => {
                    let index = self.uint(4)?;
                    self.remember(index)?;
                }
                0x94 => {
                    let index = self.memo.len();
                    self.remember(index)?;
                }
                b'g' => {
                    let index = self.index()?;
                    self.recall(index)?;
                }
                b'h' => {
                    let index = self.uint(1)?;
                    self.recall(index)?;
                }
                b'j' => {
                    let index = self.uint(4)?;
                    self.recall(index)?;
                }
                // Imports and calls: noted, never done.
                b'c' => {
                    let (module, name) = (self.line()?, self.line()?);
                    self.global(&module, &name, position)?;
                }
                0x93 => {
                    let (name, module) = (self.pop()?, self.pop()?);
                    let (module, name) = (self.name_of(module), self.name_of(name));
                    self.global(&module, &name, position)?;
                }
                b'R' => {
                    let (arguments, callee) = (self.pop()?, self.pop()?);
                    self.call(callee, arguments, false)?;
                }
                0x81 => {
                    let (arguments, class) = (self.pop()?, self.pop()?);
                    self.call(class, arguments, true)?;
                }
                0x92 => {
                    let (_keywords, arguments, class) = (self.pop()?, self.pop()?, self.pop()?);
                    self.call(class, arguments, true)?;
                }
                b'i' => {
                    let (module, name) = (self.line()?, self.line()?);
                    let items = self.pop_to_mark()?;
                    self.global(&module, &name, position)?;
                    let callee = self.pop()?;
                    self.push(Node::Items(items))?;
                    let arguments = self.pop()?;
                    self.call(callee, arguments, false)?;
                }
                b'o' => {
                    let items = self.pop_to_mark()?;
                    let (callee, rest) = items.split_first().ok_or("builds an object of nothing")?;
                    self.push(Node::Items(rest.to_vec()))?;
                    let arguments = self.pop()?;
                    self.call(*callee, arguments, false)?;
                }
                0x82..=0x84 => {
                    let width = [1, 2, 4][usize::from(op - 0x82)];
                    let code = self.uint(width)?;
                    self.global("copyreg.extension", &code.to_string(), position)?;
                }
                // BUILD: the object stays, its state is dropped.
                b'b' => {
                    let state = self.pop()?;
                    let object = self.top()?;
                    if self.global_of(object).is_some() {
                        self.touched(object);
                    }
                    self.built(object, state)?;
                }
                b'P' => {
                    let line = self.line()?;
                    self.push(Node::Text(line))?;
                    let id = self.pop()?;
                    self.push(Node::Persistent(id))?;
                }
                b'Q' => {
                    let id = self.pop()?;
                    self.push(Node::Persistent(id))?;
                }
                other => return Err(format!("unknown opcode 0x{other:02x}")),
            }
        }
        Err(format!("more than {MAX_OPCODES} opcodes"))
    }
}
