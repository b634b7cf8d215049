const MINIMUM_MAJOR = 24;

/** Ends the process with one sentence when this Node cannot run the TypeScript sources. */
export function requireSupportedNode() {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= MINIMUM_MAJOR) return;
  process.stderr.write(
    `Llamp needs Node ${MINIMUM_MAJOR} or newer but runs on ${process.versions.node}: run "npm ci" again ` +
      `(it brings the right Node on Linux and Windows) or install Node ${MINIMUM_MAJOR}.\n`,
  );
  process.exit(1);
}
