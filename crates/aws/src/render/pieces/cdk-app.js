// The template as a CDK application. The packages are uploaded beforehand (README.md, step 1):
@how@
const path = require("node:path");
const { App, DefaultStackSynthesizer, Stack } = require("aws-cdk-lib");
const { CfnInclude } = require("aws-cdk-lib/cloudformation-include");

const app = new App({ analyticsReporting: false });

// Parameters that are fixed here do not keep the value that they had at the last deployment.
function include(stackName, region, template, parameters) {
  const synthesizer = new DefaultStackSynthesizer({ generateBootstrapVersionRule: false });
  const stack = new Stack(app, stackName, { stackName, env: { region }, synthesizer });
  new CfnInclude(stack, "Template", { templateFile: path.join(__dirname, "..", template), parameters });
}

@stacks@

app.synth();
