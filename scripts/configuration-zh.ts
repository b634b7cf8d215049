import type { VariableName } from '../src/config/schema.ts';

/** Chinese texts of `docs/zh/configuration.md`; the type makes a missing one an error. */
export const SUMMARIES_ZH: Readonly<Record<VariableName, string>> = {
  LLAMP_HOST: '监听地址。`0.0.0.0` 表示所有网卡；容器镜像默认如此设置。',
  LLAMP_PORT: '接口与页面的端口。0 表示任取一个空闲端口。',
  LLAMP_METRICS_PORT:
    '额外端口，无需密钥即可访问 `/metrics`，供同一网络内的 Prometheus 使用。不设置时，主端口的 `/metrics` 需要带 `metrics` 权限的密钥。',
  LLAMP_PUBLIC_URL: '用户访问本系统的地址，用于打印出的链接。',
  LLAMP_TRUSTED_PROXIES: '其 `X-Forwarded-For` 可信的地址或网段。前面没有代理时留空。',
  LLAMP_DATA_DIR: '内置存储与用量日志所在的目录。同一时间只能由一个进程使用。',
  DATABASE_URL: 'PostgreSQL 15 及以上版本。不设置时使用进程内的 PostgreSQL，数据在数据目录中。',
  LLAMP_DATABASE_POOL_MAX: '单个实例到 PostgreSQL 的最大连接数。',
  REDIS_URL: 'Redis 或 Valkey，用于缓存、计数与租约。不设置时使用进程内存。',
  MINIO_ENDPOINT: '任意 S3 接口：MinIO、RustFS、SeaweedFS、AWS。不设置时文件存放在数据目录中。',
  MINIO_ACCESS_KEY: '`MINIO_ENDPOINT` 的访问密钥。',
  MINIO_SECRET_KEY: '`MINIO_ENDPOINT` 的私有密钥。',
  MINIO_BUCKET: '存储桶；不存在时自动创建。',
  MILVUS_HOST: 'Milvus 的主机名。不设置时向量索引存放在数据目录中。',
  MILVUS_PORT: 'Milvus 的端口。',
  LLAMP_SECRET_KEY:
    '用于加密所存机密（例如供应商凭据）的密钥：32 个随机字节，以 base64 或十六进制书写，所有实例相同。可用逗号分隔写多个：第一个用于加密，其余只用于解密，以便更换密钥（见 docs/zh/security/secrets.md）。不设置时使用数据目录中的 `secret.key`；此时若设置了 `DATABASE_URL`，则无法保存凭据。请在备份之外另存一份：丢失后已存凭据无法恢复。',
  LLAMP_BACKUP_TARGETS:
    '备份存放的位置：目录，或 `s3://桶/前缀`；可以写多个，以便在多处保存副本。见 docs/zh/operations/backup.md。',
  LLAMP_BACKUP_RECIPIENT:
    '谁的身份密钥能打开备份：由 `llamp backup keygen` 生成的 `age1…`。身份密钥不应放在任何服务器上。',
  LLAMP_BACKUP_SCHEDULE: '服务器自动备份的时间：cron 的五个字段，UTC。不设置：只在被要求时备份。',
  LLAMP_BACKUP_KEEP: '清理旧备份时保留的数量：按天、周、月各保留这么多个周期，每个周期一份。',
  LLAMP_BACKUP_S3_ENDPOINT: '`s3://` 目标的 S3 API。不设置：使用 `MINIO_ENDPOINT`。',
  LLAMP_BACKUP_S3_ACCESS_KEY: '`s3://` 目标的访问密钥。不设置：使用 `MINIO_ACCESS_KEY`。',
  LLAMP_BACKUP_S3_SECRET_KEY: '`s3://` 目标的私有密钥。不设置：使用 `MINIO_SECRET_KEY`。',
  OPENAI_API_KEY: '上游的密钥。设置后，上游列出的每个模型都会对外提供服务。',
  OPENAI_API_BASE:
    '兼容 OpenAI 的上游的基础地址。只设置密钥时为 `https://api.openai.com/v1`；上游不需要密钥时可单独设置。',
  LLAMP_OUTBOUND_ALLOW:
    '允许通过接口设置的上游地址指向的内网或本机位置：主机名、地址或网段，前两者可带端口。未列出的一律拒绝。OPENAI_API_BASE 与 LLAMP_CONFIG_FILE 中的地址无需列出。',
  LLAMP_CONFIG_FILE:
    '描述供应商、部署与模型的 YAML 文件，启动时读取，收到 SIGHUP 时重新读取；见 docs/zh/models.md。其中的名称优先于通过接口建立的同名条目。',
  LLAMP_EMBEDDING_MODEL:
    '新建知识库使用的向量模型。不设置时使用内置的词面模型，它只识别词语，不理解语义。',
  LLAMP_BOOTSTRAP_ADMIN_EMAIL: '首位管理员的邮箱。仅在系统为空时使用。',
  LLAMP_BOOTSTRAP_ADMIN_PASSWORD:
    '首位管理员的密码，12 至 128 个字符。不设置时改为打印一次性链接。',
  LLAMP_BOOTSTRAP_API_KEY:
    '首个 API 密钥：16 至 200 个可见 ASCII 字符，或由 Llamp 生成的密钥。不设置时自动生成，并只打印一次。',
  LLAMP_REQUIRE_TOTP:
    '`on`：所有者和管理员登录后，在登记第二因素之前不能进行任何其他操作。API 密钥不受影响。',
  LLAMP_BODY_MAX_BYTES: 'JSON 请求体的最大字节数；超出时返回 413。',
  LLAMP_FILE_MAX_BYTES: '可上传文件的最大字节数。',
  LLAMP_UPSTREAM_CONNECT_TIMEOUT_MS: '连接上游的时限。',
  LLAMP_UPSTREAM_FIRST_TOKEN_TIMEOUT_MS: '从发出请求到收到上游首个字节的时限。',
  LLAMP_UPSTREAM_BETWEEN_FRAMES_TIMEOUT_MS: '上游流式输出中允许的最长静默时间。',
  LLAMP_UPSTREAM_TOTAL_TIMEOUT_MS: '一次上游请求（含全部重试）的总时限。',
  LLAMP_DRAIN_TIMEOUT_MS: '收到 SIGTERM 后，正在处理的请求可用的收尾时间。',
  LLAMP_WORKERS: '单个实例同时处理的文件数。0 表示该实例只提供服务、不处理文件。',
  LLAMP_AUDIT_MODE:
    '审计日志暂时无法写入时如何处理内容读取：`lenient` 照常回答并计入 `llamp_audit_dropped_total`，`strict` 以 503 拒绝。修改操作从不会在没有审计记录的情况下完成。',
  LLAMP_LOG_LEVEL: '写出的最低日志级别。每条日志为一行 JSON（ECS 字段），写到标准输出。',
};
