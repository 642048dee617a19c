/** Files of pg_hba.conf and pg_ident.conf: what people write, what they should not, and what nobody would by accident. */

export interface HbaFixture {
  name: string;
  main: string | Buffer;
  /** Files beside it, by name relative to the data directory. */
  others?: Readonly<Record<string, string>>;
}

const RULE = "host all all 127.0.0.1/32 scram-sha-256\n";

export const HBA_FIXTURES: readonly HbaFixture[] = [
  {
    name: "what initdb writes",
    main: "# TYPE  DATABASE  USER  ADDRESS  METHOD\n\nlocal   all   all     trust\nhost all all 127.0.0.1/32 trust\nhost\tall\tall\t::1/128\ttrust\nlocal replication all trust\nhost replication all 127.0.0.1/32 trust\n",
  },
  {
    name: "quotes, also inside words, doubled, empty, around everything",
    main: [
      'host "all" "all" "all" "md5"',
      '"host" a"b"c,d "x ""y"" z" all md5',
      'local "" """" md5',
      'local "sameuser" "+grp","@file","/re" md5',
      'local a "b, c" md5 # "comment"',
      'local a "unclosed md5',
      'local "a#b" c#d md5',
    ].join("\n"),
  },
  {
    name: "no line end at the end, Windows line ends, blank lines",
    main: `\r\n  \t\r\n${RULE.trim()}\r\n\r\n${RULE.trim()}`,
  },
  {
    name: "lines that go on behind a backslash",
    main: "local \\\n all \\\n all \\\n md5\nlocal all all md5 \\\n\nlocal all all md5\\\\\n\\\nhost all \\\r\n all all md5\n# comment \\\nstill the comment\nlocal all all trust\nlocal all all md5\\",
  },
  {
    name: "comma lists with blanks, doubled and trailing commas",
    main: "local a, b ,c d md5\nlocal a,,b c,d md5\nlocal ,a b md5\nlocal a b, md5\nhost a b c,d md5\nhost,local a b all md5\nlocal a b md5,trust\n",
  },
  {
    name: "addresses",
    main: [
      "10.0.0.0/8",
      "10.1.2.3/8",
      "10.0.0.0 255.0.0.0",
      "10.0.0.0 255.0.255.0",
      "010.1/8",
      "0x7f.1/32",
      "2130706433/32",
      "1.2.3/24",
      "0.0.0.0/0",
      "::/0",
      "::1/128",
      "fe80::1%lo/64",
      "2001:DB8::/32",
      "2001:db8:0:0:1:0:0:1/128",
      "::ffff:1.2.3.4/128",
      "1::/16",
      "fd00:: ffff::",
      "samehost",
      "samenet",
      "all",
      "example.com",
      ".example.com",
      "LOCALHOST",
      "1.2.3.4.",
      "10.0.0.0/+8",
      '"10.0.0.0/ 8"',
    ]
      .map((address) => `host all all ${address} md5`)
      .join("\n"),
  },
  {
    name: "addresses that are none",
    main: [
      "10.0.0.0/33",
      "10.0.0.0/-1",
      "10.0.0.0/",
      "10.0.0.0/8x",
      "::/129",
      "10.0.0.0",
      "10.0.0.0 ffff::",
      "10.0.0.0 example.com",
      "[::1]/128",
      "example.com/24",
      "/24",
      "1.2.3.4.5/8",
      "999.0.0.0/8",
      "0x/8",
      "08.1/8",
      "1:2:3/64",
    ]
      .map((address) => `host all all ${address} md5`)
      .join("\n"),
  },
  {
    name: "lines that end too early or begin wrongly",
    main: "local\nlocal all\nlocal all all\nhost\nhost all all\nhost all all all\nhost all all 10.0.0.0\nHOST all all all md5\nLocal all all md5\nhostx all all all md5\nall\n@\n+\n",
  },
  {
    name: "methods where they may not be",
    main: [
      "local all all MD5",
      "local all all cert",
      "host all all all peer",
      "host all all all cert",
      "hostnossl all all all cert",
      "local all all gss",
      "local all all ident",
      "host all all all ident",
      "host all all all krb5",
      "host all all all oauth",
      "local all all reject",
    ].join("\n"),
  },
  {
    name: "options",
    main: [
      "local all all peer map=m",
      "local all all md5 map=m",
      "hostssl all all all cert map=m",
      "hostssl all all all cert clientcert=verify-full",
      "hostssl all all all cert clientcert=verify-ca",
      "hostssl all all all md5 clientcert=verify-ca clientname=DN",
      "hostssl all all all md5 clientcert=1",
      "host all all all md5 clientcert=verify-ca",
      "hostssl all all all md5 clientname=XX",
      'host all all all ident map="a b",map=c',
      "host all all all md5 nonsense",
      "host all all all md5 nonsense=1",
      "host all all all md5 =",
      "host all all all md5 krb_realm=X",
      "host all all all md5 pamservice=X",
      "host all all all md5 ldaptls=1",
      "host all all all radius radiusservers=127.0.0.1 radiussecrets=one",
      'host all all all radius radiusservers="127.0.0.1,127.0.0.2" radiussecrets="one,two" radiusports=1812',
      'host all all all radius radiusservers="127.0.0.1,127.0.0.2,127.0.0.3" radiussecrets="one,two"',
      "host all all all radius radiusservers=127.0.0.1",
      "host all all all radius radiussecrets=x",
      "host all all all radius radiusservers=127.0.0.1 radiussecrets=x radiusports=none",
    ].join("\n"),
  },
  {
    name: "lists in files, also of files, in any column, empty, missing",
    main: 'local @dbs all md5\nlocal a,@dbs,b @users md5\nlocal "@dbs" all md5\nlocal all @none md5\nlocal @empty all md5\nlocal @line trust\n@line\nlocal @./sub/rel all md5\nlocal a@dbs all md5\n',
    others: {
      dbs: "one two\n# no\nthree,four\n",
      users: "@dbs\n'five'\n\"all\"",
      empty: "\n# nothing\n",
      line: "all all",
      "sub/rel": "@more",
      "sub/more": "deep",
    },
  },
  {
    name: "includes, nested, missing, of folders, and of itself",
    main: `include inc/a.hba\n${RULE}include_if_exists none.conf\ninclude none.conf\ninclude_dir inc\n"include" inc/b.conf\ninclude_dir none\ninclude\ninclude a b\ninclude_dir ""\ninclude loop.conf\n`,
    others: {
      "inc/a.hba": `local a a md5\ninclude b.conf\n`,
      "inc/b.conf": "local b b md5\nbroken\n",
      "inc/B.conf": "local B B md5\n",
      "inc/c.conf": "local c @missing md5\ninclude nowhere\n",
      "inc/.hidden.conf": "local hidden hidden md5\n",
      "inc/d.con": "local d d md5\n",
      "inc/.conf": "local e e md5\n",
      "loop.conf": "local loop loop md5\ninclude loop.conf\n",
    },
  },
  {
    name: "patterns",
    main: 'local "/^a$" "/^b.*" md5\nlocal / all md5\nlocal /( all md5\nlocal all /[ md5\nlocal all "/a{3,1}" md5\nlocal all /* md5\nlocal all /a+b|c? md5\nlocal all "/^db\\d{2,4}$" md5\nlocal all /a) md5\n',
  },
  {
    name: "words of ten thousand bytes",
    main: `local all ${"x".repeat(10239)} md5\nlocal all ${"y".repeat(10240)} md5\nlocal all ${"z".repeat(10240)}, md5\nlocal all all md5\n`,
  },
  {
    name: "zero bytes, which hide lines",
    main: "local a\0 all md5\nlocal b all md5\nlocal c all md5\n\0\n\0local d all md5\nlocal e all md5\0",
  },
  {
    name: "zero bytes behind what one read takes",
    main: `local a all md5 ${" ".repeat(1100)}\0 junk\nlocal b all md5\n#${"c".repeat(3000)}\0${"c".repeat(3000)}\nlocal d all md5\nlocal e all md5\n`,
  },
  {
    name: "other characters and other blanks",
    main: "local \u00e4\u00f6 \u540d md5\nlocal\u00a0all all md5\nlocal\vall all md5\nlocal\fall all md5\n\ufefflocal all all md5\n",
  },
  { name: "nothing", main: "" },
];

/** The same numbers in every run. */
function numbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
}

const WORDS = [
  ...'local host hostssl all replication + @ / # , " "" \\ \\\n \n \r\n md5 trust reject cert peer ident'.split(" "),
  ..."10.0.0.0/8 ::/0 127.0.0.1 255.255.255.255 samenet all,all map=m clientcert=verify-ca include \0 \t = a b,c".split(
    " ",
  ),
  " ",
  " ",
  " ",
  "\n",
];

/** Files that are words in no order, and files that are bytes. */
export const GARBAGE: readonly HbaFixture[] = Array.from({ length: 150 }, (_, seed) => {
  const next = numbers(seed + 1);
  const isBytes = seed % 5 === 0;
  const main = isBytes
    ? Buffer.from(Array.from({ length: 400 }, () => Math.floor(next() * 128)))
    : Array.from({ length: 80 }, () => `${WORDS[Math.floor(next() * WORDS.length)]}${next() < 0.7 ? " " : ""}`).join(
        "",
      );
  return { name: `seed ${seed}`, main };
});

export const IDENT_FIXTURES: readonly HbaFixture[] = [
  {
    name: "ordinary",
    main: '# MAP SYSTEM PG\nm root postgres\nm "a b" "Role X"\nm /^(.*)@corp$ \\1\nm all all # end\nm a +b extra columns\n"q""q" x y\n',
  },
  { name: "broken", main: "m\nm a\nm a,b c\nm a b,c\nm,n a b\nm a b c,d\nm /( b\nm /[ b\n\nok a b" },
  { name: "joined lines", main: "m \\\n a \\\n b\nn c d\\\n" },
];
