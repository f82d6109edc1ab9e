//! Reads templates: which resources there are, what refers to what.
//!
//! References stay as `Document::resolve` leaves them, `${Bucket.Arn}`; one that came in by another template's output has that
//! template's number before it, `${0/EdgeFunctionVersion}`.

mod behaviours;
mod distribution;
mod functions;
mod origins;
mod policies;
mod secrets;
mod section;

use std::collections::BTreeMap;

use aws_check::document::{Document, Node, Parameters, Resource};

use crate::fault::Fault;
use crate::settings::Template;

pub use behaviours::{Behaviour, ViewerRequest};
pub use distribution::{Distribution, distribution};
pub use functions::{Lambda, Program, Script};
pub use origins::{Access, ApiOrigin, BucketOrigin, Origin};
pub use section::Section;

pub struct Templates {
    pages: Vec<Page>,
}

struct Page {
    name: String,
    region: String,
    document: Document,
    parameters: Parameters,
}

/// A resource of one of the templates.
#[derive(Clone, Copy)]
pub struct Found<'a> {
    pub page: usize,
    pub id: &'a str,
    pub kind: &'a str,
    resource: Resource<'a>,
}

/// A resource's properties, evaluated.
pub struct Properties {
    pub page: usize,
    place: String,
    node: Node,
}

impl Properties {
    pub fn section(&self) -> Section<'_> {
        Section::new(self.place.clone(), Some(&self.node))
    }
}

/// An account that nobody has.
pub const ACCOUNT: &str = "000000000000";

impl Templates {
    pub fn read(templates: &[Template], given: &BTreeMap<String, String>) -> Result<Self, Fault> {
        let mut read = Self { pages: Vec::new() };
        for template in templates {
            let unreadable = |error: &dyn std::fmt::Display| Fault::Unreadable {
                template: template.name.clone(),
                reason: error.to_string(),
            };
            let document = Document::parse(&template.text).map_err(|error| unreadable(&error))?;
            let parameters = read.parameters(template, &document, given);
            read.pages.push(Page {
                name: template.name.clone(),
                region: template.region.clone(),
                document,
                parameters,
            });
        }
        Ok(read)
    }

    /// Of everything that exists, by type.
    pub fn of_kind(&self, kind: &str) -> impl Iterator<Item = Found<'_>> {
        self.pages.iter().enumerate().flat_map(move |(number, page)| {
            page.document
                .resources_of(kind)
                .filter(|resource| page.document.exists(*resource, &page.parameters) != Some(false))
                .map(move |resource| Found::new(number, resource))
        })
    }

    /// The resource that the text refers to first, seen from the page.
    pub fn named(&self, page: usize, text: &str) -> Option<Found<'_>> {
        let name = references(text).next()?;
        let (page, name) = match name.split_once('/') {
            Some((number, name)) => (number.parse().ok()?, name),
            None => (page, name),
        };
        let id = name.split('.').next()?;
        let found = self.pages.get(page)?;
        let resource = found.document.resource(id)?;
        (found.document.exists(resource, &found.parameters) != Some(false)).then(|| Found::new(page, resource))
    }

    pub fn properties(&self, found: Found<'_>) -> Properties {
        let place = self.place(found);
        let node = self.pages.get(found.page).map_or_else(Node::null, |page| {
            found
                .resource
                .node
                .get("Properties")
                .map_or_else(Node::null, |node| page.document.resolve(node, &page.parameters))
        });
        Properties { page: found.page, place, node }
    }

    pub fn region(&self, page: usize) -> &str {
        self.pages.get(page).map_or("us-east-1", |page| page.region.as_str())
    }

    fn place(&self, found: Found<'_>) -> String {
        let name = self.pages.get(found.page).map_or("", |page| page.name.as_str());
        let line = found.resource.place.map(|place| format!(":{}", place.line)).unwrap_or_default();
        format!("{name}{line}: {}", found.id)
    }

    /// Values given by the caller, then outputs of the templates before, then what AWS itself knows. What has none of them has
    /// its default, or stays unknown and is told of where it is used.
    fn parameters(&self, template: &Template, document: &Document, given: &BTreeMap<String, String>) -> Parameters {
        let mut parameters = Parameters::default()
            .with("AWS::Region", &template.region)
            .with("AWS::AccountId", ACCOUNT)
            .with("AWS::StackName", "local")
            .with("AWS::StackId", &format!("arn:aws:cloudformation:{}:{ACCOUNT}:stack/local/local", template.region));
        for entry in document.root().get("Parameters").map(Node::entries).unwrap_or_default() {
            if let Some(value) = given.get(&entry.key).cloned().or_else(|| self.output(&entry.key)) {
                parameters = parameters.with(&entry.key, &value);
            }
        }
        for api in document.resources_of("AWS::ApiGatewayV2::Api") {
            let endpoint = format!("https://${{{}}}.execute-api.{}.amazonaws.com", api.id, template.region);
            parameters = parameters.with_attribute(api.id, "ApiEndpoint", &endpoint);
        }
        parameters
    }

    /// The output of that name, of the first template that has one.
    fn output(&self, name: &str) -> Option<String> {
        self.pages.iter().enumerate().find_map(|(number, page)| {
            let value = page.document.root().at(&["Outputs", name, "Value"])?;
            let value = page.document.resolve(value, &page.parameters).pattern()?.to_owned();
            let qualified = |name: &str| name.contains('/') || name.starts_with("AWS::");
            let mut text = value.clone();
            for name in references(&value).filter(|name| !qualified(name)) {
                text = text.replace(&format!("${{{name}}}"), &format!("${{{number}/{name}}}"));
            }
            Some(text)
        })
    }
}

impl<'a> Found<'a> {
    fn new(page: usize, resource: Resource<'a>) -> Self {
        Self { page, id: resource.id, kind: resource.kind, resource }
    }
}

/// The names between `${` and `}`.
pub fn references(text: &str) -> impl Iterator<Item = &str> {
    text.split("${").skip(1).filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
}
