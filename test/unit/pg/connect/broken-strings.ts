/** Thirteen connection strings that nobody can read, for every place that could repeat one. */

/** Each holds the same secret at a place where some parser's error message would show it. */
export const BROKEN_STRINGS = [
  "postgresql://app:hunter2secret@db:notaport/shop",
  "postgresql://app:hunter2secret%zz@db/shop",
  "postgresql://app:hunter2secret@[::1/shop",
  "postgresql://app:hunter2secret@::1/shop",
  "postgresql://app:hunter2secret%00@db/shop",
  "postgresql://app:pw@db/shop?hunter2secret",
  "postgresql://app:pw@db/shop?hunter2%20secret=1",
  "mysql://app:hunter2secret=@db/shop",
  "hunter2secret",
  "host=db password='hunter2secret",
  "host=db password=pw hunter2secret",
  "Host=db;Password='hunter2secret;Uid=app",
  "host=db hunter2secret!=x",
];
