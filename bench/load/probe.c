// Latency of single calls, one after the other, over kept-alive connections.
//   probe CALLS BODY_FILE HEADER_FILE PORT...
// The ports are asked in turn (A B C A B C ...), so that all of them see the same machine. HEADER_FILE holds request header
// lines that end in CRLF. Prints for each port one line: PORT CALLS FIRST_P50 FIRST_P99 WHOLE_P50 WHOLE_P99 in nanoseconds;
// FIRST is the first byte of the body, WHOLE its last. Ends with 1 on any answer that is not a 200.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MAX_PORTS 8
#define WARM_UP 1000

static char answer[1 << 20];
static char *request;
static size_t request_bytes;

static long now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * 1000000000L + t.tv_nsec;
}

static char *read_file(const char *path, size_t *bytes) {
  FILE *file = fopen(path, "rb");
  if (!file) {
    perror(path);
    exit(2);
  }
  fseek(file, 0, SEEK_END);
  *bytes = ftell(file);
  rewind(file);
  char *text = malloc(*bytes + 1);
  if (fread(text, 1, *bytes, file) != *bytes) exit(2);
  text[*bytes] = 0;
  fclose(file);
  return text;
}

static int dial(int port) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd, (struct sockaddr *)&address, sizeof address)) {
    perror("connect");
    exit(1);
  }
  return fd;
}

// Is the answer whole? `body` is where its body begins.
static int is_whole(const char *body, size_t bytes) {
  char *length = strcasestr(answer, "\r\ncontent-length:");
  size_t body_bytes = answer + bytes - body;
  if (length && length < body) return body_bytes >= strtoul(length + 17, NULL, 10);
  return bytes >= 5 && !memcmp(answer + bytes - 5, "0\r\n\r\n", 5);
}

static void call(int fd, int port, long *first_ns, long *whole_ns) {
  size_t bytes = 0;
  const char *body = NULL;
  long start = now_ns();
  for (size_t sent = 0; sent < request_bytes;) {
    ssize_t part = write(fd, request + sent, request_bytes - sent);
    if (part <= 0) exit(1);
    sent += part;
  }
  *first_ns = 0;
  for (;;) {
    ssize_t part = read(fd, answer + bytes, sizeof answer - 1 - bytes);
    if (part <= 0) {
      fprintf(stderr, "port %d closed the connection\n", port);
      exit(1);
    }
    bytes += part;
    answer[bytes] = 0;
    if (!body && (body = strstr(answer, "\r\n\r\n"))) body += 4;
    if (!body) continue;
    if (!*first_ns && body < answer + bytes) *first_ns = now_ns() - start;
    if (is_whole(body, bytes)) break;
  }
  *whole_ns = now_ns() - start;
  if (memcmp(answer + 8, " 200", 4)) {
    fprintf(stderr, "port %d answered: %.300s\n", port, answer);
    exit(1);
  }
}

static int ascending(const void *a, const void *b) {
  long x = *(const long *)a, y = *(const long *)b;
  return (x > y) - (x < y);
}

int main(int argc, char **argv) {
  if (argc < 5 || argc > 4 + MAX_PORTS) return 2;
  int calls = atoi(argv[1]), ports = argc - 4, fds[MAX_PORTS];
  size_t body_bytes, header_bytes;
  char *body = read_file(argv[2], &body_bytes), *headers = read_file(argv[3], &header_bytes);
  request = malloc(body_bytes + header_bytes + 256);
  request_bytes = sprintf(request, "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\n%sContent-Length: %zu\r\n\r\n", headers, body_bytes);
  memcpy(request + request_bytes, body, body_bytes);
  request_bytes += body_bytes;
  long *first[MAX_PORTS], *whole[MAX_PORTS], unused_first, unused_whole;
  for (int p = 0; p < ports; p++) {
    fds[p] = dial(atoi(argv[4 + p]));
    first[p] = calloc(calls, sizeof(long));
    whole[p] = calloc(calls, sizeof(long));
  }
  for (int i = 0; i < WARM_UP; i++)
    for (int p = 0; p < ports; p++) call(fds[p], atoi(argv[4 + p]), &unused_first, &unused_whole);
  for (int i = 0; i < calls; i++)
    for (int p = 0; p < ports; p++) call(fds[p], atoi(argv[4 + p]), &first[p][i], &whole[p][i]);
  for (int p = 0; p < ports; p++) {
    qsort(first[p], calls, sizeof(long), ascending);
    qsort(whole[p], calls, sizeof(long), ascending);
    printf("%s %d %ld %ld %ld %ld\n", argv[4 + p], calls, first[p][calls / 2], first[p][calls * 99L / 100], whole[p][calls / 2],
           whole[p][calls * 99L / 100]);
  }
}
