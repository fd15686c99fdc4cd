//! Python literals, as NumPy writes its headers: dictionaries, tuples, lists, texts, numbers and names. Texts
//! side by side are one text, escapes are undone, and of a key given twice the last counts, as in Python.

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Literal {
    Text(String),
    Int(i64),
    /// `True`, `False`, `None`.
    Name(String),
    /// Tuples and lists.
    List(Vec<Literal>),
    Dict(Vec<(Literal, Literal)>),
}

impl Literal {
    /// The value of a key.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Dict(items) = self else { return None };
        items.iter().rfind(|(k, _)| matches!(k, Self::Text(text) if text == key)).map(|(_, v)| v)
    }
}

/// Reads one literal; `None` when it is none.
pub(super) fn parse(text: &str) -> Option<Literal> {
    let mut parser = Parser { rest: text, depth: 0 };
    let value = parser.value()?;
    parser.space();
    parser.rest.is_empty().then_some(value)
}

struct Parser<'a> {
    rest: &'a str,
    depth: usize,
}

impl Parser<'_> {
    fn space(&mut self) {
        self.rest = self.rest.trim_start_matches(|c: char| c.is_whitespace() || c == '\0');
    }

    fn eat(&mut self, c: char) -> bool {
        self.space();
        match self.rest.strip_prefix(c) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn value(&mut self) -> Option<Literal> {
        self.depth += 1;
        if self.depth > 64 {
            return None;
        }
        self.space();
        let value = match self.rest.chars().next()? {
            '{' => {
                self.eat('{');
                let mut items = Vec::new();
                while !self.eat('}') {
                    let key = self.value()?;
                    let value = self.eat(':').then(|| self.value())??;
                    items.push((key, value));
                    if !self.eat(',') && !self.rest.trim_start().starts_with('}') {
                        return None;
                    }
                }
                Literal::Dict(items)
            }
            open @ ('(' | '[') => {
                let close = if open == '(' { ')' } else { ']' };
                self.eat(open);
                let (mut items, mut comma) = (Vec::new(), false);
                while !self.eat(close) {
                    items.push(self.value()?);
                    let more = self.eat(',');
                    comma |= more;
                    if !more && !self.rest.trim_start().starts_with(close) {
                        return None;
                    }
                }
                // One value in parentheses is itself.
                match items.pop() {
                    Some(only) if open == '(' && !comma && items.is_empty() => only,
                    last => {
                        items.extend(last);
                        Literal::List(items)
                    }
                }
            }
            '\'' | '"' | 'b' | 'u' | 'r' if self.starts_text() => {
                let mut text = String::new();
                while self.starts_text() {
                    self.text(&mut text)?;
                    self.space();
                }
                Literal::Text(text)
            }
            c if c.is_ascii_digit() || c == '-' => {
                let end = self.rest[1..].find(|c: char| !c.is_ascii_digit()).map_or(self.rest.len(), |i| i + 1);
                let (digits, rest) = self.rest.split_at(end);
                // Python 2 wrote 5L.
                self.rest = rest.strip_prefix('L').unwrap_or(rest);
                Literal::Int(digits.parse().ok()?)
            }
            c if c.is_alphabetic() => {
                let end = self.rest.find(|c: char| !c.is_alphanumeric()).unwrap_or(self.rest.len());
                let (name, rest) = self.rest.split_at(end);
                self.rest = rest;
                Literal::Name(name.to_owned())
            }
            _ => return None,
        };
        self.depth -= 1;
        Some(value)
    }

    fn starts_text(&self) -> bool {
        let unprefixed = self.rest.strip_prefix(['b', 'u', 'r']).unwrap_or(self.rest);
        unprefixed.starts_with(['\'', '"'])
    }

    fn text(&mut self, out: &mut String) -> Option<()> {
        let raw = self.rest.starts_with('r');
        let rest = self.rest.strip_prefix(['b', 'u', 'r']).unwrap_or(self.rest);
        let quote = rest.chars().next()?;
        let mut chars = rest.char_indices().skip(1);
        while let Some((at, c)) = chars.next() {
            match c {
                c if c == quote => {
                    self.rest = &rest[at + 1..];
                    return Some(());
                }
                '\\' if !raw => {
                    let (_, escaped) = chars.next()?;
                    let width = match escaped {
                        'x' => 2,
                        'u' => 4,
                        'U' => 8,
                        '\\' | '\'' | '"' => {
                            out.push(escaped);
                            continue;
                        }
                        // NumPy writes no escapes; what is not undone exactly is not understood.
                        _ => return None,
                    };
                    let digits: String = chars.by_ref().take(width).map(|(_, c)| c).collect();
                    out.push(char::from_u32(u32::from_str_radix(&digits, 16).ok()?)?);
                }
                c => out.push(c),
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_read_as_python_reads_them() {
        let header = parse("{'descr': '<f8', 'fortran_order': False, 'shape': (3, 4L), }  ").expect("a literal");
        assert_eq!(header.get("descr"), Some(&Literal::Text("<f8".into())));
        assert_eq!(header.get("shape"), Some(&Literal::List(vec![Literal::Int(3), Literal::Int(4)])));
        let odd = parse(r#"{"des" 'cr': '|\x4f', 'descr': ('<i4'), 'shape': (2,)}"#).expect("a literal");
        assert_eq!(odd.get("descr"), Some(&Literal::Text("<i4".into())));
        assert_eq!(odd.get("shape"), Some(&Literal::List(vec![Literal::Int(2)])));
        for broken in ["", "{", "{'a'", "{'a': }", "('a' 1)", "{'a': 1} x", "'\\x4'"] {
            assert_eq!(parse(broken), None, "{broken}");
        }
        assert_eq!(parse(&"(".repeat(1000)), None);
    }
}
