#![allow(clippy::unwrap_used, clippy::panic)]
use std::collections::BTreeMap;
use std::sync::Arc;
#[test]
fn all() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for entry in std::fs::read_dir("/tmp/design/variants").unwrap() {
        let dir = entry.unwrap().path();
        let mut templates = Vec::new();
        for name in ["edge.yaml", "template.yaml"] {
            if let Ok(text) = std::fs::read_to_string(dir.join(name)) {
                templates.push(cloudfront::Template {
                    name: name.into(),
                    text,
                    region: if name == "edge.yaml" || !dir.join("edge.yaml").exists() {
                        "us-east-1".into()
                    } else {
                        "eu-central-1".into()
                    },
                });
            }
        }
        let store = cloudfront::Store {
            endpoint: "http://127.0.0.1:9".into(),
            region: "r".into(),
            bucket: "b".into(),
            credentials: aws_credential_types::Credentials::new("a", "b", None, None, "t"),
        };
        let stores = ["Bucket", "BucketYearBooks", "acme-files", "acme-main-files", "acme-year-books-files"]
            .map(|n| (n.to_owned(), store.clone()));
        let settings = cloudfront::Settings {
            templates,
            parameters: BTreeMap::new(),
            secrets: [("OriginSecret".to_owned(), "s".to_owned())].into(),
            functions: ["EdgeFunction", "RegionalFunction"].map(|n| (n.to_owned(), "/tmp".into())).into(),
            key_values: [("KeyValueStore".to_owned(), BTreeMap::new())].into(),
            stores: stores.into(),
            function_credentials: aws_credential_types::Credentials::new("a", "b", None, None, "t"),
            node: "node".into(),
            log: Box::new(std::io::sink()),
            output: Arc::new(|_, _| {}),
        };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        match cloudfront::start(settings, listener, runtime.handle()) {
            Ok(running) => {
                println!("{} starts", dir.display());
                runtime.block_on(running.stop());
            }
            Err(fault) => println!("{}: {fault}", dir.display()),
        }
    }
}
