//! Semantic rules over templates of CloudFormation and over live accounts.
