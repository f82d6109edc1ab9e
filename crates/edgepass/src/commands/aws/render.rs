//! `edgepass aws render`: everything that is deployed, as files to read.

use aws::Extra;
use clap::ValueEnum;

use super::package::Packing;
use crate::aws_packages::write_file;
use crate::aws_parts::refused;
use crate::cli::Exit;
use crate::trouble::{Trouble, say, tell};

/// Write what is deployed: CloudFormation templates, the functions' zips, and how to deploy them
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Writes template.yaml (and edge.yaml for `layout = \"split\"`), the zips of `aws package`, and README.md with the commands. \
Nothing is deployed. The version of the edge function is named by its code's hash: another configuration is another version.

Examples:
  edgepass aws render --config edgepass.toml --out aws
  edgepass aws render --config edgepass.toml --out aws --with serverless,sam,cdk,terraform
  edgepass aws check aws/template.yaml")]
pub struct Args {
    #[command(flatten)]
    packing: Packing,
    /// Other forms, beside the templates
    #[arg(long, value_name = "FORM", value_delimiter = ',')]
    with: Vec<Form>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Form {
    Serverless,
    Sam,
    Cdk,
    Terraform,
}

pub fn run(args: &Args) -> Result<Exit, Trouble> {
    let site = args.packing.site()?;
    site.check_endpoints()?;
    let packages = args.packing.packages(&site)?;
    let code = packages.code();
    let mut files = aws::render(&site.deployment, &code).map_err(|faults| refused(&faults))?;
    for form in &args.with {
        let extra = match form {
            Form::Serverless => Extra::Serverless,
            Form::Sam => Extra::Sam,
            Form::Cdk => Extra::Cdk,
            Form::Terraform => Extra::Terraform,
        };
        files.extend(aws::extra(&site.deployment, &code, extra).map_err(|faults| refused(&faults))?);
    }
    args.packing.write(&packages)?;
    for file in &files {
        let path = args.packing.out.join(&file.name);
        write_file(&path, file.text.as_bytes(), file.secret)?;
        say(path.display())?;
    }
    tell(format_args!("how to deploy them: {}", args.packing.out.join("README.md").display()));
    Ok(Exit::Done)
}
