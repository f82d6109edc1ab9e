//! Writes every variant of the templates into a folder, one folder each, with all other forms: what `tests/test_aws_templates.py`
//! gives to the linters.

#[path = "../tests/sample/mod.rs"]
#[allow(dead_code)]
mod sample;

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};

use aws::{Code, Deployment, Extra, Fault, File, Viewer};

fn main() -> Result<(), Box<dyn Error>> {
    let folder = PathBuf::from(std::env::args_os().nth(1).ok_or("usage: variants FOLDER")?);
    for (name, deployment) in sample::variants() {
        let files = all(&deployment).map_err(|faults| format!("{name}: {faults:?}"))?;
        write(&folder.join(name), &files)?;
    }
    Ok(())
}

fn all(deployment: &Deployment) -> Result<Vec<File>, Vec<Fault>> {
    let code = code_of(deployment)?;
    let mut files = aws::render(deployment, &code)?;
    for form in [Extra::Serverless, Extra::Sam, Extra::Cdk, Extra::Terraform] {
        match aws::extra(deployment, &code, form) {
            // The Terraform module is of the main form alone.
            Err(faults) if faults.iter().all(|fault| matches!(fault, Fault::TerraformForm { .. })) => {}
            more => files.extend(more?),
        }
    }
    Ok(files)
}

/// The code of a deployment, the real CloudFront Function among it.
fn code_of(deployment: &Deployment) -> Result<Code, Vec<Fault>> {
    let mut code = sample::code(deployment.choices.form);
    if let Viewer::Function { source, .. } = &mut code.viewer {
        *source = aws::cloudfront_function(deployment)?.code;
    }
    Ok(code)
}

fn write(folder: &Path, files: &[File]) -> Result<(), Box<dyn Error>> {
    for file in files {
        let path = folder.join(&file.name);
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(path, &file.text)?;
    }
    Ok(())
}
