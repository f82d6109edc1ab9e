//! A local CloudFront with Lambda@Edge for development.
