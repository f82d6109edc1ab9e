//! The XML that stores answer with: elements and texts, nothing declared, nothing deep.

use quick_xml::Reader;
use quick_xml::events::Event;

/// S3's deepest answers have four levels.
const MOST_DEPTH: usize = 8;

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Element {
    pub name: String,
    pub text: String,
    pub children: Vec<Element>,
}

impl Element {
    /// The root of a document; none where it is not one that a store writes. The caller has bounded its length.
    pub fn read(document: &[u8]) -> Option<Self> {
        let mut reader = Reader::from_reader(document);
        let mut open = vec![Self::default()];
        loop {
            match reader.read_event().ok()? {
                Event::Start(start) => {
                    if open.len() > MOST_DEPTH {
                        return None;
                    }
                    open.push(Self::named(start.local_name().as_ref())?);
                }
                Event::Empty(start) => open.last_mut()?.children.push(Self::named(start.local_name().as_ref())?),
                Event::End(_) => {
                    let ended = open.pop()?;
                    open.last_mut()?.children.push(ended);
                }
                Event::Text(text) => open.last_mut()?.text.push_str(&text.decode().ok()?),
                Event::GeneralRef(name) => open.last_mut()?.text.push(character(&name.decode().ok()?)?),
                Event::CData(text) => open.last_mut()?.text.push_str(&text.decode().ok()?),
                Event::Decl(_) | Event::Comment(_) => {}
                Event::Eof => break,
                Event::DocType(_) | Event::PI(_) => return None,
            }
        }
        let [root] = open.as_mut_slice() else { return None };
        (root.children.len() == 1).then(|| root.children.pop())?
    }

    fn named(name: &[u8]) -> Option<Self> {
        Some(Self { name: String::from_utf8(name.to_vec()).ok()?, ..Self::default() })
    }

    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name == name)
    }

    pub fn text_of(&self, name: &str) -> Option<&str> {
        self.child(name).map(|child| child.text.as_str())
    }

    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }
}

/// The five names of XML, and the numbers (XML 1.0 sections 4.1 and 4.6).
fn character(name: &str) -> Option<char> {
    Some(match name {
        "quot" => '"',
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "apos" => '\'',
        _ => {
            let number = name.strip_prefix('#')?;
            let code = match number.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => number.parse(),
            };
            char::from_u32(code.ok()?)?
        }
    })
}

/// A text as it stands between two tags (XML 1.0 section 2.4).
pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stores_write() {
        let text = b"\n \n<?xml version=\"1.0\"?><ListPartsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Key>a&amp;b&#233;</Key>\
            <Part><PartNumber>1</PartNumber><ETag>&quot;x&quot;</ETag></Part><Part/></ListPartsResult>";
        let root = Element::read(text).unwrap();
        assert_eq!((root.name.as_str(), root.text_of("Key")), ("ListPartsResult", Some("a&bé")));
        assert_eq!(root.all("Part").count(), 2);
        assert_eq!(root.child("Part").and_then(|part| part.text_of("ETag")), Some("\"x\""));
        assert_eq!(escape("<\"a&b\">"), "&lt;&quot;a&amp;b&quot;&gt;");
    }

    #[test]
    fn what_is_no_answer() {
        for bad in ["", "x", "<a>", "<a></b>", "<a/><b/>", "<!DOCTYPE a><a/>", "<a>&b;</a>", "<a>&#xffffff;</a>"] {
            assert_eq!(Element::read(bad.as_bytes()), None, "{bad}");
        }
        assert_eq!(Element::read("<a>".repeat(100_000).as_bytes()), None);
    }
}
