//! How much of a template is read.

/// CloudFormation's own ceiling for a template in a bucket.
pub const TEXT_BYTES: usize = 1_048_576;

/// Maps and lists inside one another. Templates of CloudFormation need about 20; the reader recurses, so the stack bounds it.
pub const DEPTH: usize = 64;

/// Values after the aliases are written out; a template of 1 MiB without aliases has fewer.
pub const NODES: usize = 300_000;

/// Text after aliases or intrinsic functions are written out.
pub const EXPANDED_BYTES: usize = 16 * 1_048_576;

/// CloudFormation's own ceiling for the value of a parameter.
pub const PARAMETER_BYTES: usize = 4_096;

/// Conditions that name conditions that name conditions.
pub const CONDITION_DEPTH: usize = 16;
