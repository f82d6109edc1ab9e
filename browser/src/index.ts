export type * from './api';
export { createFiles } from './files';
export { uploadFile } from './upload';
