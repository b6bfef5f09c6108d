-- One row per session key. It gives out sequence numbers, holds the leases and the fences of its two queues, and
-- points to the open session. in_due_at and out_due_at say when somebody should look at a queue again: the time its
-- head may be taken, or, while somebody holds it, the end of that lease; NULL when nothing waits.
CREATE TABLE lane (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  channel TEXT NOT NULL,
  account TEXT NOT NULL,
  bot TEXT NOT NULL,
  scope TEXT NOT NULL,
  place TEXT NOT NULL,
  chat TEXT NOT NULL,
  thread TEXT NOT NULL,
  session TEXT,
  epoch INTEGER NOT NULL DEFAULT 0,
  version INTEGER NOT NULL DEFAULT 0,
  meter INTEGER NOT NULL DEFAULT 0,
  told_at INTEGER NOT NULL DEFAULT 0,
  silenced TEXT,
  next_seq INTEGER NOT NULL DEFAULT 0,
  waiting INTEGER NOT NULL DEFAULT 0,
  in_due_at INTEGER,
  in_holder TEXT,
  in_fence INTEGER NOT NULL DEFAULT 0,
  next_part INTEGER NOT NULL DEFAULT 0,
  pending INTEGER NOT NULL DEFAULT 0,
  out_due_at INTEGER,
  out_holder TEXT,
  out_fence INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX lane_in_due ON lane (bot, in_due_at) WHERE in_due_at IS NOT NULL;
CREATE INDEX lane_out_due ON lane (channel, out_due_at) WHERE out_due_at IS NOT NULL;
CREATE INDEX lane_chat ON lane (channel, account, chat);

-- A chat that goes on under another id (a group that became a supergroup).
CREATE TABLE chat_alias (
  channel TEXT NOT NULL,
  account TEXT NOT NULL,
  old_chat TEXT NOT NULL,
  new_chat TEXT NOT NULL,
  PRIMARY KEY (channel, account, old_chat)
);

CREATE TABLE session (
  id TEXT PRIMARY KEY,
  lane INTEGER NOT NULL REFERENCES lane (id),
  participant TEXT,
  key TEXT NOT NULL,
  channel TEXT NOT NULL,
  bot TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('active', 'dormant', 'handoff', 'closed', 'expired')),
  reason TEXT,
  level TEXT NOT NULL DEFAULT 'platform',
  created_at INTEGER NOT NULL,
  first_activity INTEGER NOT NULL,
  last_activity INTEGER NOT NULL,
  last_user_activity INTEGER NOT NULL,
  quiet_from INTEGER NOT NULL,
  ended_at INTEGER,
  language TEXT NOT NULL DEFAULT '',
  tags TEXT NOT NULL DEFAULT '[]',
  metadata TEXT NOT NULL DEFAULT '{}',
  resolved INTEGER,
  next_message INTEGER NOT NULL DEFAULT 0,
  message_count INTEGER NOT NULL DEFAULT 0,
  variables TEXT NOT NULL DEFAULT '{}',
  context TEXT NOT NULL DEFAULT '{}',
  summary TEXT,
  summary_upto INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX session_open ON session (lane) WHERE state IN ('active', 'dormant', 'handoff');
CREATE INDEX session_lane ON session (lane, created_at);
CREATE INDEX session_participant ON session (participant, created_at);
-- quiet_from is last_user_activity as it was up to a minute before: not every message moves its session in the index.
CREATE INDEX session_quiet ON session (channel, state, quiet_from) WHERE state IN ('active', 'dormant', 'closed');

CREATE TABLE participant (
  id TEXT PRIMARY KEY,
  channel TEXT NOT NULL,
  account TEXT NOT NULL,
  bot TEXT NOT NULL,
  person TEXT NOT NULL,
  level TEXT NOT NULL,
  name TEXT NOT NULL DEFAULT '',
  language TEXT NOT NULL DEFAULT '',
  profile TEXT NOT NULL DEFAULT '{}',
  data TEXT NOT NULL DEFAULT '{}',
  first_seen INTEGER NOT NULL,
  last_seen INTEGER,
  blocked INTEGER NOT NULL DEFAULT 0
);
CREATE UNIQUE INDEX participant_person ON participant (channel, account, bot, person);

-- Every index below is paid for by every message, and so would be every foreign key: what is old is found by its
-- number, which grows with time.

-- Everything ever accepted, by the platform's own ids, as hashes: the same event makes one entry, for 30 days.
CREATE TABLE dedupe (
  id INTEGER PRIMARY KEY,
  key BLOB NOT NULL UNIQUE,
  seen_at INTEGER NOT NULL
);

CREATE TABLE inbox (
  id INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  session TEXT NOT NULL,
  participant TEXT,
  turn TEXT NOT NULL,
  channel TEXT NOT NULL,
  body TEXT,
  raw BLOB,
  received_at INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'done', 'dropped', 'dead')),
  reason TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  failures INTEGER NOT NULL DEFAULT 0,
  refusals INTEGER NOT NULL DEFAULT 0,
  not_before INTEGER NOT NULL DEFAULT 0,
  ended_at INTEGER,
  error TEXT
);
CREATE UNIQUE INDEX inbox_head ON inbox (lane, seq) WHERE state = 'waiting';
CREATE INDEX inbox_dead ON inbox (id) WHERE state = 'dead';
CREATE INDEX inbox_turn ON inbox (turn);

-- What was let go, by id and reason; no text is kept.
CREATE TABLE dropped (
  id INTEGER PRIMARY KEY,
  channel TEXT NOT NULL,
  account TEXT NOT NULL,
  event TEXT NOT NULL,
  chat TEXT NOT NULL,
  reason TEXT NOT NULL,
  at INTEGER NOT NULL
);
CREATE INDEX dropped_at ON dropped (at);

CREATE TABLE message (
  session TEXT NOT NULL,
  seq INTEGER NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('user', 'assistant', 'system')),
  name TEXT NOT NULL DEFAULT '',
  sender TEXT NOT NULL DEFAULT '',
  text TEXT NOT NULL,
  extra TEXT,
  at INTEGER NOT NULL,
  ref TEXT NOT NULL DEFAULT '',
  turn TEXT NOT NULL DEFAULT '',
  flag TEXT NOT NULL DEFAULT '',
  PRIMARY KEY (session, seq)
)/*WITHOUT ROWID*/;

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
  lane INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  session TEXT NOT NULL,
  inbox INTEGER,
  channel TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  body TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  state TEXT NOT NULL DEFAULT 'ready'
    CHECK (state IN ('ready', 'sending', 'unknown', 'sent', 'unconfirmed', 'dropped', 'dead')),
  reason TEXT,
  attempts INTEGER NOT NULL DEFAULT 0,
  unknowns INTEGER NOT NULL DEFAULT 0,
  plain INTEGER NOT NULL DEFAULT 0,
  not_before INTEGER NOT NULL DEFAULT 0,
  expires_at INTEGER,
  ref TEXT,
  sent_at INTEGER,
  status TEXT,
  error TEXT
);
CREATE UNIQUE INDEX outbox_head ON outbox (lane, seq) WHERE state IN ('ready', 'sending', 'unknown');
CREATE INDEX outbox_odd ON outbox (id) WHERE state IN ('unconfirmed', 'dead');

-- A token is only a credential that points to a conversation; its SHA-256 is all that is kept.
CREATE TABLE token (
  hash BLOB PRIMARY KEY,
  channel TEXT NOT NULL,
  lane INTEGER NOT NULL REFERENCES lane (id),
  session TEXT NOT NULL,
  participant TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  used_at INTEGER NOT NULL,
  expires_at INTEGER
);
CREATE INDEX token_expires ON token (expires_at) WHERE expires_at IS NOT NULL;
CREATE INDEX token_session ON token (session);
CREATE INDEX token_participant ON token (participant);

-- Keys of operators (role viewer, operator, admin) and of API callers (role caller, for one channel).
CREATE TABLE api_key (
  id TEXT PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE,
  name TEXT NOT NULL,
  role TEXT NOT NULL CHECK (role IN ('viewer', 'operator', 'admin', 'caller')),
  channel TEXT,
  created_at INTEGER NOT NULL,
  revoked_at INTEGER
);

CREATE VIEW sessions AS
  SELECT id, participant AS user_id, bot AS bot_id, created_at, last_activity FROM session;
CREATE VIEW messages AS
  SELECT session AS session_id, role, text AS content, at AS "timestamp" FROM message;
CREATE VIEW session_state AS
  SELECT id AS session_id, variables, context FROM session;
-- Rows that change often keep room beside them, and are cleaned up after early.
-- postgres: ALTER TABLE lane SET (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
-- postgres: ALTER TABLE session SET (fillfactor = 80);
-- postgres: ALTER TABLE inbox SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
-- postgres: ALTER TABLE outbox SET (fillfactor = 80, autovacuum_vacuum_scale_factor = 0.02);
