import { helmProgram, kubernetesValidateProgram } from './helm.ts';
import { milvusServer } from './milvus.ts';
import { milvusLiteServer } from './milvus-lite.ts';
import { minioServer } from './minio.ts';
import { nginxServer } from './nginx.ts';
import { postgresServer } from './postgres.ts';
import { prometheusServer } from './prometheus.ts';
import { pythonAnthropicClient } from './python-anthropic.ts';
import { pythonOpenaiClient } from './python-openai.ts';
import { redisServer } from './redis.ts';
import type { TestServer } from './test-server.ts';
import { versitygwServer } from './versitygw.ts';

export const ALL_SERVERS: readonly TestServer[] = [
  postgresServer,
  redisServer,
  minioServer,
  versitygwServer,
  milvusServer,
  milvusLiteServer,
  nginxServer,
  helmProgram,
  kubernetesValidateProgram,
  prometheusServer,
  pythonOpenaiClient,
  pythonAnthropicClient,
];
