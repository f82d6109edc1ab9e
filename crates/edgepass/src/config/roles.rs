//! `[roles]`: names that stand in tokens, and what each may do. A rule's `role` names the claim that holds one.

use authorizer::Action;

use super::faults::Faults;
use super::issuer::action;
use super::section::Node;

pub fn read(node: Node<'_>, faults: &mut Faults) -> Vec<(String, Vec<Action>)> {
    let members = node.members("a table such as `reader = [\"read\"]`", faults).unwrap_or_default();
    let role = |member: super::section::Member<'_>, faults: &mut Faults| {
        let may = member.node.parse_list("a list of actions such as [\"read\"]", faults, action)?;
        Some((member.name.to_owned(), may))
    };
    members.into_iter().filter_map(|member| role(member, faults)).collect()
}
