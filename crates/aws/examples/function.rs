//! Prints the CloudFront Function of a deployment, JavaScript, from JSON on stdin:
//! `{"site": SiteSettings, "buckets": ["main", …]}`.

use std::io::{Read, Write};
use std::process::ExitCode;

use aws::{Bucket, Choices, Deployment, Form, Owner, PriceClass, cloudfront_function};
use front::SiteSettings;
use serde::Deserialize;

#[derive(Deserialize)]
struct Asked {
    site: SiteSettings,
    buckets: Vec<String>,
}

fn main() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let mut json = String::new();
    std::io::stdin().read_to_string(&mut json)?;
    let asked: Asked = serde_json::from_str(&json)?;
    match cloudfront_function(&deployment(asked)) {
        Ok(function) => {
            std::io::stdout().write_all(function.code.as_bytes())?;
            Ok(ExitCode::SUCCESS)
        }
        Err(faults) => {
            for fault in faults {
                eprintln!("{}: {fault}\nhint: {}", fault.code(), fault.hint());
            }
            Ok(ExitCode::from(2))
        }
    }
}

fn deployment(asked: Asked) -> Deployment {
    let bucket = |name: String| Bucket {
        bucket: format!("files-{name}"),
        name,
        region: "us-east-1".to_owned(),
        owner: Owner::Stack,
    };
    Deployment {
        site: asked.site,
        buckets: asked.buckets.into_iter().map(bucket).collect(),
        choices: Choices { form: Form::CloudFrontFunction, price_class: PriceClass::Class100, ..Choices::of("files") },
    }
}
