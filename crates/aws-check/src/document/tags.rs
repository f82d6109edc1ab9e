//! The short tags of CloudFormation's YAML, made equal to the long forms: `!GetAtt A.B` is `{"Fn::GetAtt": ["A", "B"]}`.

use super::error::{DocumentError, Fault};
use super::node::{Entry, Map, Node, Place, Value};

/// Functions that have a short tag, beside `!Ref` and `!Condition`.
/// <https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/intrinsic-function-reference.html>
const FUNCTIONS: [&str; 22] = [
    "And",
    "Base64",
    "Cidr",
    "Contains",
    "EachMemberEquals",
    "EachMemberIn",
    "Equals",
    "FindInMap",
    "GetAZs",
    "GetAtt",
    "If",
    "ImportValue",
    "Join",
    "Length",
    "Not",
    "Or",
    "Select",
    "Split",
    "Sub",
    "ToJsonString",
    "Transform",
    "ValueOf",
];

/// What the tag at the place makes of the node.
pub fn long_form(tag: &str, node: Node, place: Place) -> Result<Node, DocumentError> {
    let key = match tag {
        "Ref" | "Condition" => tag.to_owned(),
        name if FUNCTIONS.contains(&name) => format!("Fn::{name}"),
        _ => return Err(Fault::UnknownTag(format!("!{tag}")).at(place)),
    };
    let argument = match tag {
        "GetAtt" => attribute(node, place)?,
        "Ref" | "Condition" if node.text().is_none() => return Err(Fault::MisusedTag(format!("!{tag}")).at(place)),
        _ => node,
    };
    let entry = Entry { key, place: Some(place), value: argument };
    Ok(Node { value: Value::Map(Map { entries: vec![entry] }), place: Some(place) })
}

/// `Resource.Attribute` as the list of two; the attribute may have dots (`Outputs.Name`).
fn attribute(node: Node, place: Place) -> Result<Node, DocumentError> {
    let Value::Text(text) = &node.value else {
        let fits = !node.items().is_empty();
        return if fits { Ok(node) } else { Err(Fault::MisusedTag("!GetAtt".into()).at(place)) };
    };
    let Some((resource, name)) = text.split_once('.') else {
        return Err(Fault::MisusedTag("!GetAtt".into()).at(place));
    };
    let part = |text: &str| Node { value: Value::Text(text.to_owned()), place: node.place };
    Ok(Node { value: Value::List(vec![part(resource), part(name)]), place: node.place })
}
