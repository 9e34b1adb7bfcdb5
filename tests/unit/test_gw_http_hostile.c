/* SPDX-License-Identifier: MPL-2.0 */
/* Hostile requests: each is refused with the status RFC 9110 and RFC 9112 ask for, once, and ends its
 * connection; nothing behind it is ever read as a request. However its bytes are cut into pieces the verdict
 * is the same. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include "gw_http_feed.h"

typedef struct hostile {
    const char *name;
    int status;
    const char *text;
    size_t size;
} hostile_t;

#define S_BAD(name, status, text)                                                                            \
    {                                                                                                        \
        name, status, text, sizeof(text) - 1                                                                 \
    }
/* A request line with its end and a Host; fields and a body behind it. */
#define S_LINE(line)   line "\r\nHost: h\r\n\r\n"
#define S_GET(rest)    "GET / HTTP/1.1\r\nHost: h\r\n" rest
#define S_POST(rest)   "POST / HTTP/1.1\r\nHost: h\r\n" rest
#define S_FIELD(field) S_GET(field "\r\n\r\n")
#define S_HOST(host)   "GET / HTTP/1.1\r\nHost: " host "\r\n\r\n"
#define S_LENGTH(text) S_POST("Content-Length:" text "\r\n\r\nhello")
#define S_CODING(text) S_POST("Transfer-Encoding:" text "\r\n\r\n5\r\nhello\r\n0\r\n\r\n")
#define S_CHUNKS(body) S_POST("Transfer-Encoding: chunked\r\n\r\n" body)
#define S_TE           "Transfer-Encoding: chunked\r\n"
#define S_CL           "Content-Length: 5\r\n"
#define S_BODY         "\r\n5\r\nhello\r\n0\r\n\r\n"
#define S_10(c)        c c c c c c c c c c
#define S_100(c)       S_10(S_10(c))

static const hostile_t s_hostile[] = {
    /* two ways to find the end of a body (RFC 9112 section 6.3) */
    S_BAD("CL.TE", 400, S_POST(S_CL S_TE S_BODY)),
    S_BAD("TE.CL", 400, S_POST(S_TE S_CL S_BODY)),
    S_BAD("CL 0 and TE", 400, S_POST("Content-Length: 0\r\n" S_TE S_BODY)),
    S_BAD("CL and TE in GET", 400, S_GET(S_TE S_CL S_BODY)),
    S_BAD("CL and TE in other case", 400,
          S_POST("cONTENT-lENGTH: 5\r\ntRANSFER-eNCODING: cHUNKED\r\n" S_BODY)),
    S_BAD("TE twice", 400, S_POST(S_TE S_TE S_BODY)),
    S_BAD("TE and TE identity", 400, S_POST(S_TE "Transfer-Encoding: identity\r\n" S_BODY)),
    S_BAD("TE identity and TE", 400, S_POST("Transfer-Encoding: identity\r\n" S_TE S_BODY)),
    S_BAD("TE and unknown TE", 400, S_POST(S_TE "Transfer-Encoding: cow\r\n" S_BODY)),
    S_BAD("CL and unknown TE", 400, S_POST(S_CL "Transfer-Encoding: xchunked\r\n" S_BODY)),
    S_BAD("TE in HTTP/1.0", 400, "POST / HTTP/1.0\r\n" S_TE S_BODY),
    S_BAD("TE kept alive in HTTP/1.0", 400, "POST / HTTP/1.0\r\nConnection: keep-alive\r\n" S_TE S_BODY),
    S_BAD("CL, TE in HTTP/1.0", 400, "POST / HTTP/1.0\r\n" S_CL S_TE S_BODY),
    S_BAD("TE with blank before colon", 400, S_POST(S_CL "Transfer-Encoding : chunked\r\n" S_BODY)),
    S_BAD("TE with tab before colon", 400, S_POST(S_CL "Transfer-Encoding\t: chunked\r\n" S_BODY)),
    S_BAD("TE folded to the line before", 400, S_POST("X: y\r\n Transfer-Encoding: chunked\r\n" S_BODY)),
    S_BAD("TE behind a bare LF", 400, S_POST(S_CL "X: y\nTransfer-Encoding: chunked\r\n" S_BODY)),
    S_BAD("TE behind a bare CR", 400, S_POST(S_CL "X: y\rTransfer-Encoding: chunked\r\n" S_BODY)),
    /* transfer codings: one that does not end in chunked is 400, an unknown one before it 501 */
    S_BAD("gzip", 400, S_CODING(" gzip")),
    S_BAD("identity", 400, S_CODING(" identity")),
    S_BAD("xchunked", 400, S_CODING(" xchunked")),
    S_BAD("chunkedx", 400, S_CODING(" chunkedx")),
    S_BAD("chunked, identity", 400, S_CODING(" chunked, identity")),
    S_BAD("chunked, gzip", 400, S_CODING(" chunked, gzip")),
    S_BAD("chunked,", 400, S_CODING(" chunked,")),
    S_BAD("chunked;q=1", 400, S_CODING(" chunked;q=1")),
    S_BAD("chunked blank gzip", 400, S_CODING(" chunked gzip")),
    S_BAD("quoted chunked", 400, S_CODING(" \"chunked\"")),
    S_BAD("empty TE", 400, S_CODING("")),
    S_BAD("folded TE", 400, S_CODING("\r\n chunked")),
    S_BAD("chunked behind vertical tab", 400, S_CODING(" \vchunked")),
    S_BAD("chunked and form feed", 400, S_CODING(" chunked\f")),
    S_BAD("chunked and NUL", 400, S_CODING(" chunked\0")),
    S_BAD("gzip, chunked", 501, S_CODING(" gzip, chunked")),
    S_BAD("chunked, chunked", 501, S_CODING(" chunked, chunked")),
    S_BAD(", chunked", 501, S_CODING(" , chunked")),
    /* Content-Length */
    S_BAD("CL twice", 400, S_POST(S_CL S_CL "\r\nhello")),
    S_BAD("CL twice, different", 400, S_POST(S_CL "Content-Length: 0\r\n\r\nhello")),
    S_BAD("CL twice in GET", 400, S_GET("Content-Length: 0\r\nContent-Length: 44\r\n\r\n")),
    S_BAD("CL list", 400, S_LENGTH(" 5, 5")),
    S_BAD("CL list, different", 400, S_LENGTH(" 5,6")),
    S_BAD("CL plus", 400, S_LENGTH(" +5")),
    S_BAD("CL minus", 400, S_LENGTH(" -5")),
    S_BAD("CL minus 0", 400, S_LENGTH(" -0")),
    S_BAD("CL hexadecimal", 400, S_LENGTH(" 0x5")),
    S_BAD("CL hexadecimal digit", 400, S_LENGTH(" a")),
    S_BAD("CL empty", 400, S_LENGTH("")),
    S_BAD("CL blank", 400, S_LENGTH("  \t ")),
    S_BAD("CL blank inside", 400, S_LENGTH(" 5 5")),
    S_BAD("CL fraction", 400, S_LENGTH(" 5.0")),
    S_BAD("CL exponent", 400, S_LENGTH(" 5e0")),
    S_BAD("CL underscore", 400, S_LENGTH(" 0_5")),
    S_BAD("CL quoted", 400, S_LENGTH(" \"5\"")),
    S_BAD("CL letter behind", 400, S_LENGTH(" 5a")),
    S_BAD("CL NUL behind", 400, S_LENGTH(" 5\0")),
    S_BAD("CL huge, then letter", 400, S_LENGTH(" " S_10("99999") "x")),
    S_BAD("CL folded", 400, S_LENGTH("\r\n 5")),
    S_BAD("CL one too large", 413, S_LENGTH(" 65")),
    S_BAD("CL 2^32 + 5", 413, S_LENGTH(" 4294967301")),
    S_BAD("CL 2^64 + 5", 413, S_LENGTH(" 18446744073709551621")),
    S_BAD("CL fifty digits", 413, S_LENGTH(" " S_10("99999"))),
    S_BAD("CL too large, expected", 413, S_POST("Expect: 100-continue\r\nContent-Length: 65\r\n\r\n")),
    /* chunk sizes */
    S_BAD("size empty", 400, S_CHUNKS("\r\nhello\r\n0\r\n\r\n")),
    S_BAD("size blank", 400, S_CHUNKS(" \r\nhello\r\n0\r\n\r\n")),
    S_BAD("size no digit", 400, S_CHUNKS("g\r\nhello\r\n0\r\n\r\n")),
    S_BAD("size 0x", 400, S_CHUNKS("0x5\r\nhello\r\n0\r\n\r\n")),
    S_BAD("size plus", 400, S_CHUNKS("+5\r\nhello\r\n0\r\n\r\n")),
    S_BAD("size minus", 400, S_CHUNKS("-5\r\nhello\r\n0\r\n\r\n")),
    S_BAD("size blank before", 400, S_CHUNKS(" 5\r\nhello\r\n0\r\n\r\n")),
    S_BAD("size blank behind", 400, S_CHUNKS("5 \r\nhello\r\n0\r\n\r\n")),
    S_BAD("size tab behind", 400, S_CHUNKS("5\t\r\nhello\r\n0\r\n\r\n")),
    S_BAD("size NUL behind", 400, S_CHUNKS("5\0\r\nhello\r\n0\r\n\r\n")),
    S_BAD("size LF", 400, S_CHUNKS("5\nhello\r\n0\r\n\r\n")),
    S_BAD("size CR", 400, S_CHUNKS("5\rhello\r\n0\r\n\r\n")),
    S_BAD("size padded", 400, S_CHUNKS("000000005\r\nhello\r\n0\r\n\r\n")),
    S_BAD("size 2^32 + 5", 400, S_CHUNKS("100000005\r\nhello\r\n0\r\n\r\n")),
    S_BAD("size 2^64 + 5", 400, S_CHUNKS("10000000000000005\r\nhello\r\n0\r\n\r\n")),
    S_BAD("size ffffffff", 413, S_CHUNKS("ffffffff\r\nhello\r\n0\r\n\r\n")),
    S_BAD("size too large", 413, S_CHUNKS("41\r\n")),
    S_BAD("sizes together too large", 413, S_CHUNKS("5\r\nhello\r\n3c\r\n")),
    S_BAD("extension without name", 400, S_CHUNKS("5;\r\nhello\r\n0\r\n\r\n")),
    S_BAD("extension with control", 400, S_CHUNKS("5;a=\1\r\nhello\r\n0\r\n\r\n")),
    S_BAD("extension with NUL", 400, S_CHUNKS("5;a=\0\r\nhello\r\n0\r\n\r\n")),
    S_BAD("extension with LF", 400, S_CHUNKS("5;a\nhello\r\n0\r\n\r\n")),
    S_BAD("extension by comma", 400, S_CHUNKS("5,a\r\nhello\r\n0\r\n\r\n")),
    S_BAD("extension too long", 400, S_CHUNKS("5;" S_10(S_100("abcde")) "\r\nhello\r\n0\r\n\r\n")),
    /* chunk data and trailers */
    S_BAD("data without CRLF", 400, S_CHUNKS("5\r\nhello0\r\n\r\n")),
    S_BAD("data with LF", 400, S_CHUNKS("5\r\nhello\n0\r\n\r\n")),
    S_BAD("data with CR", 400, S_CHUNKS("5\r\nhello\r0\r\n\r\n")),
    S_BAD("data with CR and another", 400, S_CHUNKS("5\r\nhello\r_0\r\n\r\n")),
    S_BAD("data with another and LF", 400, S_CHUNKS("5\r\nhello_\n0\r\n\r\n")),
    S_BAD("data too long", 400, S_CHUNKS("4\r\nhello\r\n0\r\n\r\n")),
    S_BAD("data too short", 400, S_CHUNKS("6\r\nhello\r\n0\r\n\r\n")),
    S_BAD("end with LF", 400, S_CHUNKS("0\r\n\n")),
    S_BAD("end with CR", 400, S_CHUNKS("0\r\n\r\r\n")),
    S_BAD("trailer without colon", 400, S_CHUNKS("0\r\nA\r\n\r\n")),
    S_BAD("trailer without name", 400, S_CHUNKS("0\r\n: a\r\n\r\n")),
    S_BAD("trailer with blank before colon", 400, S_CHUNKS("0\r\nA : b\r\n\r\n")),
    S_BAD("trailer folded", 400, S_CHUNKS("0\r\nA: b\r\n c\r\n\r\n")),
    S_BAD("trailer with NUL", 400, S_CHUNKS("0\r\nA: \0\r\n\r\n")),
    S_BAD("trailer with LF", 400, S_CHUNKS("0\r\nA: b\n\r\n")),
    S_BAD("trailer too long", 400, S_CHUNKS("0\r\nA: " S_10(S_100("abcde")))),
    S_BAD("trailers too many", 400, S_CHUNKS("0\r\n" S_10(S_100("A:bcd\r\n")))),
    /* ends of lines */
    S_BAD("only LF", 400, "GET / HTTP/1.1\nHost: h\n\n"),
    S_BAD("LF behind the request line", 400, "GET / HTTP/1.1\nHost: h\r\n\r\n"),
    S_BAD("LF behind a field", 400, "GET / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n"),
    S_BAD("LF at the end", 400, "GET / HTTP/1.1\r\nHost: h\r\n\n"),
    S_BAD("LF first", 400, "\n" S_LINE("GET / HTTP/1.1")),
    S_BAD("CR first", 400, "\r" S_LINE("GET / HTTP/1.1")),
    S_BAD("CR in a field", 400, S_FIELD("A: b\rc")),
    S_BAD("CR CR LF", 400, S_FIELD("A: b\r")),
    S_BAD("empty lines", 400, "\r\n\r\n\r\n" S_LINE("GET / HTTP/1.1")),
    /* field lines (RFC 9112 section 5) */
    S_BAD("folded", 400, S_FIELD("A: b\r\n c")),
    S_BAD("folded by tab", 400, S_FIELD("A: b\r\n\tc")),
    S_BAD("folded to nothing", 400, S_FIELD("A: b\r\n ")),
    S_BAD("first field folded", 400, "GET / HTTP/1.1\r\n Host: h\r\n\r\n"),
    S_BAD("blank before colon", 400, S_FIELD("A : b")),
    S_BAD("tab before colon", 400, S_FIELD("A\t: b")),
    S_BAD("no colon", 400, S_FIELD("A")),
    S_BAD("no name", 400, S_FIELD(": b")),
    S_BAD("name with blank", 400, S_FIELD("A B: c")),
    S_BAD("name with NUL", 400, S_FIELD("A\0: b")),
    S_BAD("name with control", 400, S_FIELD("A\x1b: b")),
    S_BAD("name with parenthesis", 400, S_FIELD("A(: b")),
    S_BAD("name with slash", 400, S_FIELD("A/B: c")),
    S_BAD("name with quote", 400, S_FIELD("\"A\": b")),
    S_BAD("name not ASCII", 400, S_FIELD("\xc3\xa4: b")),
    S_BAD("name with DEL", 400, S_FIELD("A\x7f: b")),
    S_BAD("value with NUL", 400, S_FIELD("A: b\0c")),
    S_BAD("value with control", 400, S_FIELD("A: \1")),
    S_BAD("value with escape", 400, S_FIELD("A: \x1b[2J")),
    S_BAD("value with vertical tab", 400, S_FIELD("A: b\v")),
    S_BAD("value with DEL", 400, S_FIELD("A: \x7f")),
    S_BAD("too many fields", 431, S_GET(S_100("A:b\r\n") "\r\n")),
    S_BAD("head too large", 431, S_FIELD("A: " S_10(S_100("abc")))),
    S_BAD("head too large, then bare LF", 431, S_FIELD("A: " S_10(S_100("abc")) "\nB: c")),
    S_BAD("head too large, then NUL", 431, S_FIELD("A: " S_10(S_100("abc")) "\0")),
    /* Host (RFC 9110 section 7.2) */
    S_BAD("no Host", 400, "GET / HTTP/1.1\r\n\r\n"),
    S_BAD("no Host, absolute form", 400, "GET http://h/ HTTP/1.1\r\nA: b\r\n\r\n"),
    S_BAD("Host twice", 400, S_FIELD("Host: h")),
    S_BAD("Host twice, different", 400, S_FIELD("hOST: g")),
    S_BAD("Host twice in HTTP/1.0", 400, "GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n"),
    S_BAD("Host empty", 400, S_HOST("")),
    S_BAD("Host only port", 400, S_HOST(":80")),
    S_BAD("Host with user", 400, S_HOST("user@h")),
    S_BAD("Host with user and password", 400, S_HOST("user:pw@h")),
    S_BAD("Host list", 400, S_HOST("h, g")),
    S_BAD("Host with blank", 400, S_HOST("h g")),
    S_BAD("Host with path", 400, S_HOST("h/a")),
    S_BAD("Host with backslash", 400, S_HOST("h\\a")),
    S_BAD("Host with query", 400, S_HOST("h?a")),
    S_BAD("Host with fragment", 400, S_HOST("h#a")),
    S_BAD("Host with scheme", 400, S_HOST("http://h")),
    S_BAD("Host with quote", 400, S_HOST("\"h\"")),
    S_BAD("Host with angle", 400, S_HOST("<h>")),
    S_BAD("Host with caret", 400, S_HOST("h^")),
    S_BAD("Host not ASCII", 400, S_HOST("\xc3\xa4")),
    S_BAD("Host with bad escape", 400, S_HOST("h%2")),
    S_BAD("Host with two ports", 400, S_HOST("h:1:2")),
    S_BAD("Host with port of letters", 400, S_HOST("h:http")),
    S_BAD("Host with large port", 400, S_HOST("h:65536")),
    S_BAD("Host with negative port", 400, S_HOST("h:-1")),
    S_BAD("Host too long", 400, S_HOST(S_100("abc"))),
    S_BAD("Host IPv6 open", 400, S_HOST("[::1")),
    S_BAD("Host IPv6 empty", 400, S_HOST("[]")),
    S_BAD("Host IPv6 of letters", 400, S_HOST("[::g]")),
    S_BAD("Host IPv6 of colons", 400, S_HOST("[:::::]")),
    S_BAD("Host IPv6 of dots", 400, S_HOST("[...]")),
    S_BAD("Host IPv6 too short", 400, S_HOST("[1:2:3]")),
    S_BAD("Host IPv6 too long", 400, S_HOST("[1:2:3:4:5:6:7:8:9]")),
    S_BAD("Host IPv4 in brackets", 400, S_HOST("[127.0.0.1]")),
    S_BAD("Host IPv6 with zone", 400, S_HOST("[fe80::1%25lo]")),
    S_BAD("Host IPv6 and more", 400, S_HOST("[::1]h")),
    S_BAD("Host IPv6 bare", 400, S_HOST("::1")),
    /* request lines (RFC 9112 section 3) */
    S_BAD("line of a blank", 400, S_LINE(" ")),
    S_BAD("blank first", 400, S_LINE(" GET / HTTP/1.1")),
    S_BAD("blank behind", 400, S_LINE("GET / HTTP/1.1 ")),
    S_BAD("two blanks", 400, S_LINE("GET  / HTTP/1.1")),
    S_BAD("two blanks before version", 400, S_LINE("GET /  HTTP/1.1")),
    S_BAD("tabs", 400, S_LINE("GET\t/\tHTTP/1.1")),
    S_BAD("only method", 400, S_LINE("GET")),
    S_BAD("no target", 400, S_LINE("GET HTTP/1.1")),
    S_BAD("no version", 400, S_LINE("GET /")),
    S_BAD("empty version", 400, S_LINE("GET / ")),
    S_BAD("TLS", 400, "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n"),
    S_BAD("version 0.9", 505, S_LINE("GET / HTTP/0.9")),
    S_BAD("version 1.2", 505, S_LINE("GET / HTTP/1.2")),
    S_BAD("version 2.0", 505, S_LINE("GET / HTTP/2.0")),
    S_BAD("preface of HTTP/2", 505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    S_BAD("version 11.1", 400, S_LINE("GET / HTTP/11.1")),
    S_BAD("version 1.10", 400, S_LINE("GET / HTTP/1.10")),
    S_BAD("version 1", 400, S_LINE("GET / HTTP/1")),
    S_BAD("version 1,1", 400, S_LINE("GET / HTTP/1,1")),
    S_BAD("version lower-case", 400, S_LINE("GET / http/1.1")),
    S_BAD("version of other", 400, S_LINE("GET / RTSP/1.0")),
    S_BAD("version with NUL", 400, S_LINE("GET / HTTP/1.1\0")),
    S_BAD("method empty", 400, S_LINE(" / HTTP/1.1")),
    S_BAD("method with NUL", 400, S_LINE("GE\0T / HTTP/1.1")),
    S_BAD("method with colon", 400, S_LINE("GET: / HTTP/1.1")),
    S_BAD("method not ASCII", 400, S_LINE("G\xc3\x84T / HTTP/1.1")),
    S_BAD("method in brackets", 400, S_LINE("[GET] / HTTP/1.1")),
    S_BAD("method lower-case", 501, S_LINE("get / HTTP/1.1")),
    S_BAD("method unknown", 501, S_LINE("GETX / HTTP/1.1")),
    S_BAD("method long", 501, S_LINE(S_10("ABCD") " / HTTP/1.1")),
    S_BAD("tunnel", 501, S_LINE("CONNECT h:443 HTTP/1.1")),
    /* targets */
    S_BAD("target with fragment", 400, S_LINE("GET /#a HTTP/1.1")),
    S_BAD("target with fragment in query", 400, S_LINE("GET /?a#b HTTP/1.1")),
    S_BAD("target with blank", 400, S_LINE("GET /a b HTTP/1.1")),
    S_BAD("target with tab", 400, S_LINE("GET /a\tb HTTP/1.1")),
    S_BAD("target with NUL", 400, S_LINE("GET /\0 HTTP/1.1")),
    S_BAD("target with DEL", 400, S_LINE("GET /\x7f HTTP/1.1")),
    S_BAD("target not ASCII", 400, S_LINE("GET /\xc3\xa4 HTTP/1.1")),
    S_BAD("target with backslash", 400, S_LINE("GET /a\\b HTTP/1.1")),
    S_BAD("target with %", 400, S_LINE("GET /% HTTP/1.1")),
    S_BAD("target with %2", 400, S_LINE("GET /%2 HTTP/1.1")),
    S_BAD("target with %zz", 400, S_LINE("GET /%zz HTTP/1.1")),
    S_BAD("target with %%41", 400, S_LINE("GET /%%41 HTTP/1.1")),
    S_BAD("target with % in query", 400, S_LINE("GET /?a=%f HTTP/1.1")),
    S_BAD("target without slash", 400, S_LINE("GET a HTTP/1.1")),
    S_BAD("target of query", 400, S_LINE("GET ?a HTTP/1.1")),
    S_BAD("authority form", 400, S_LINE("GET h:80 HTTP/1.1")),
    S_BAD("asterisk form of GET", 400, S_LINE("GET * HTTP/1.1")),
    S_BAD("asterisk and more", 400, S_LINE("OPTIONS *a HTTP/1.1")),
    S_BAD("absolute form of ftp", 400, S_LINE("GET ftp://h/ HTTP/1.1")),
    S_BAD("absolute form without host", 400, S_LINE("GET http:/// HTTP/1.1")),
    S_BAD("absolute form of nothing", 400, S_LINE("GET http:// HTTP/1.1")),
    S_BAD("absolute form with user", 400, S_LINE("GET http://u@h/ HTTP/1.1")),
    S_BAD("absolute form with bad port", 400, S_LINE("GET http://h:99999/ HTTP/1.1")),
    S_BAD("absolute form with bad IPv6", 400, S_LINE("GET http://[::::]/ HTTP/1.1")),
    S_BAD("absolute form with fragment", 400, S_LINE("GET http://h/#a HTTP/1.1")),
    S_BAD("absolute form, Host malformed", 400, "GET http://h/ HTTP/1.1\r\nHost: u@h\r\n\r\n"),
    S_BAD("target too long", 414, S_LINE("GET /" S_10(S_100("abc")) " HTTP/1.1")),
    S_BAD("target too long, then bare LF", 414, "GET /" S_10(S_100("abc")) "\nHost: h\r\n\r\n"),
    /* expectations */
    S_BAD("expect the unknown", 417, S_POST("Expect: 200-ok\r\nContent-Length: 5\r\n\r\nhello")),
    S_BAD("expect more", 417, S_POST("Expect: 100-continue, x\r\nContent-Length: 5\r\n\r\nhello")),
    S_BAD("expect twice", 417, S_POST("Expect: 100-continue\r\nExpect: x\r\n" S_CL "\r\nhello")),
};

static const char s_behind[] = "GET /smuggled HTTP/1.1\r\nHost: h\r\n\r\n";
static const char s_before[] = "GET /before HTTP/1.1\r\nHost: h\r\n\r\n";

/* What every refusal has in common, whatever was asked before it. */
static void s_assert_refused(const hostile_t *hostile, feed_t *feed, uint32_t before)
{
    char line[64];
    snprintf(line, sizeof line, "HTTP/1.1 %d ", hostile->status);
    if (feed->bad != 1 || feed->requests != before || feed_count(&feed->sent, line) != 1)
        fail_msg("%s: should be %d, is\n%s%s", hostile->name, hostile->status, proto_buf_text(&feed->events),
                 proto_buf_text(&feed->sent));
    assert_int_equal(proto_error_status(feed->http.error), hostile->status);
    assert_true(feed->http.detail && feed->http.detail[0]);
    assert_int_equal(feed_count(&feed->sent, "HTTP/1.1 "), before + 1);
    assert_int_equal(feed_count(&feed->sent, "Connection: close\r\n"), 1);
    assert_int_equal(feed_count(&feed->events, "smuggled"), 0);
    assert_int_equal(feed->continues, 0);
    assert_true(gw_http_wants_close(&feed->http));
    assert_true(gw_http_next_deadline(&feed->http) == PROTO_NEVER);
    size_t said = feed->sent.size, kept = feed->http.in.size;
    for (int i = 0; i < 3; i++) /* nothing brings it back to life */
        feed_piece(feed, s_behind, sizeof s_behind - 1);
    gw_http_tick(&feed->http, INT64_C(1) << 40);
    feed_serve(feed);
    assert_int_equal(feed->sent.size, said);
    assert_int_equal(feed->requests + feed->bad, before + 1);
    assert_int_equal(feed->http.in.size, kept);
}

static void test_hostile_requests_however_cut(void **state)
{
    (void)state;
    proto_buf_t text = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof s_hostile / sizeof *s_hostile; i++) {
        const hostile_t *hostile = &s_hostile[i];
        proto_buf_reset(&text);
        proto_buf_append(&text, hostile->text, hostile->size);
        proto_buf_append(&text, s_behind, sizeof s_behind - 1);
        feed_t feed;
        feed_every_way(&feed, &feed_limits, hostile->name, (const char *)text.data, text.size);
        s_assert_refused(hostile, &feed, 0);
        feed_close(&feed);
    }
    proto_buf_free(&text);
}

/* The request before is answered all the same, and first. */
static void test_hostile_requests_behind_a_good_one(void **state)
{
    (void)state;
    proto_buf_t text = PROTO_BUF_INIT;
    for (size_t i = 0; i < sizeof s_hostile / sizeof *s_hostile; i++) {
        const hostile_t *hostile = &s_hostile[i];
        proto_buf_reset(&text);
        proto_buf_append(&text, s_before, sizeof s_before - 1);
        proto_buf_append(&text, hostile->text, hostile->size);
        proto_buf_append(&text, s_behind, sizeof s_behind - 1);
        for (size_t step = 1; step <= text.size; step = step * 3 + 1) {
            feed_t feed;
            feed_open(&feed, &feed_limits);
            feed_all(&feed, (const char *)text.data, text.size, 0, step);
            s_assert_refused(hostile, &feed, 1);
            assert_memory_equal(feed.events.data, "0 GET /before", 13);
            feed_close(&feed);
        }
    }
    proto_buf_free(&text);
}

/* Extensions and trailers share one bound, also when an extension lands right on it. */
static void test_trailers_behind_long_extensions_are_bounded(void **state)
{
    (void)state;
    for (size_t size = 4080; size < 4110; size++) {
        proto_buf_t text = PROTO_BUF_INIT;
        proto_buf_string(&text, S_POST(S_TE "\r\n1;"));
        for (size_t i = 1; i < size; i++)
            proto_buf_byte(&text, 'x');
        proto_buf_string(&text, "\r\na\r\n0\r\n");
        for (int i = 0; i < 2000; i++)
            proto_buf_string(&text, "Trailer: y\r\n");
        proto_buf_string(&text, "\r\n");
        for (size_t step = 1; step <= text.size; step = step * 40 + 1) {
            feed_t feed;
            feed_open(&feed, &feed_limits);
            feed_all(&feed, (const char *)text.data, text.size, 0, step);
            if (feed.bad != 1 || feed.requests)
                fail_msg("an extension of %zu bytes lets any trailers through", size);
            feed_close(&feed);
        }
        proto_buf_free(&text);
    }
}

/* RFC 9110 section 9.3.2: an answer to HEAD has no content, not even the answer that refuses it. */
static void test_a_refused_head_request_gets_no_content(void **state)
{
    (void)state;
    static const char *const requests[] = {
        "HEAD / HTTP/1.1\r\nHost: h\nA: b\r\n\r\n",
        "HEAD / HTTP/1.1\r\n\r\n",
        "HEAD /# HTTP/1.1\r\nHost: h\r\n\r\n",
        "HEAD / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n",
        "HEAD /" S_10(S_100("abc")),
        "HEAD / HTTP/1.1\r\nHost: h\r\nA: " S_10(S_100("abc")),
    };
    for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
        gw_http_t http;
        gw_http_request_t request;
        gw_http_init(&http, &feed_limits, "", 0);
        gw_http_input(&http, 0, requests[i], strlen(requests[i]));
        assert_int_equal(feed_next(&http, 0, &request), GW_HTTP_BAD);
        gw_http_respond(
            &http, 0, request.sequence,
            &(gw_http_response_t){.status = 400, .body = proto_bytes_of("content"), .close = true});
        assert_int_equal(feed_count(&http.out, "Content-Length: 7\r\n"), 1);
        if (feed_count(&http.out, "content"))
            fail_msg("%.20s: the refusal has content", requests[i]);
        gw_http_free(&http);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hostile_requests_however_cut),
        cmocka_unit_test(test_hostile_requests_behind_a_good_one),
        cmocka_unit_test(test_trailers_behind_long_extensions_are_bounded),
        cmocka_unit_test(test_a_refused_head_request_gets_no_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
