// The page's types that the shared declarations name, unknown to a worker.
interface ParentNode {}
