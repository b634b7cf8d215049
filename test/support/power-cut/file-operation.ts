/**
 * What a process did to its disk, in order. Paths are relative to the database folder; an inode is `base:<path>` for
 * a file that was there before and `new:<n>` for one created since.
 */
export type FileOperation =
  | { readonly kind: 'create'; readonly path: string; readonly inode: string }
  | { readonly kind: 'mkdir'; readonly path: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'unlink'; readonly path: string }
  | { readonly kind: 'rmdir'; readonly path: string }
  | {
      readonly kind: 'write';
      readonly inode: string;
      readonly offset: number;
      readonly data: Buffer;
    }
  | { readonly kind: 'truncate'; readonly inode: string; readonly size: number }
  | { readonly kind: 'sync-file'; readonly inode: string }
  | { readonly kind: 'sync-directory'; readonly path: string }
  /** Not an operation: the workload says where it is. */
  | { readonly kind: 'mark'; readonly mark: WorkloadMark };

export type WorkloadMark =
  | { readonly kind: 'acknowledged'; readonly sequence: number }
  | { readonly kind: 'maintenance-begins' }
  | { readonly kind: 'maintenance-ends' };
