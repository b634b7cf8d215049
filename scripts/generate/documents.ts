import { accessMatrixDocument } from './access-matrix.ts';
import { configurationDocument, configurationDocumentZh } from './configuration-document.ts';
import { dashboardDocuments } from './dashboard-documents.ts';
import { envExample } from './env-example.ts';
import { errorsDocument } from './errors-document.ts';
import { metricsDocument } from './metrics-document.ts';
import { troubleshootingDocument } from './troubleshooting-document.ts';

export interface GeneratedDocument {
  /** From the root of the repository. */
  readonly path: string;
  readonly text: string;
}

/** What is made from the source and `docs/openapi.json`, which comes from the running application. */
export async function sourceDocuments(root: string): Promise<GeneratedDocument[]> {
  return [
    { path: '.env.example', text: envExample() },
    { path: 'docs/configuration.md', text: configurationDocument() },
    { path: 'docs/zh/configuration.md', text: configurationDocumentZh() },
    { path: 'docs/errors.md', text: await errorsDocument(root) },
    { path: 'docs/security/access-matrix.md', text: await accessMatrixDocument(root) },
    { path: 'docs/operations/metrics.md', text: metricsDocument() },
    ...dashboardDocuments(),
    { path: 'docs/troubleshooting.md', text: troubleshootingDocument('en') },
    { path: 'docs/zh/troubleshooting.md', text: troubleshootingDocument('zh') },
  ];
}
