// A model provider that costs next to nothing: the upstream of the load runs.
//   upstream CHUNKS TICK_MS
// CHUNKS = 0: every POST gets one finished chat completion.
// CHUNKS > 0: every POST gets an event stream, one chat chunk on each tick, then finish reason, usage and [DONE] as one write.
// TICK_MS = 0: the whole stream at once, one write per chunk.
// Any GET answers {"calls":N,"writes":N}: calls begun, and chunks (the end counts as one) that were handed to the network.
// Listens on a free port of 127.0.0.1 and prints it.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#define MAX_FD 65536
#define HEAD_BYTES 16384

struct peer {
  char head[HEAD_BYTES];
  size_t head_bytes;
  size_t body_left;
  int in_body;
  int streaming;
  int chunks_sent;
  const char *owed; // rest of a frame that the socket did not take
  size_t owed_bytes;
};

static struct peer *peers[MAX_FD];
static int highest_fd, chunks, tick_ms;
static unsigned long calls, writes;
static char unary_answer[4096], stream_head[512], chunk_frame[1024], end_frame[2048];
static size_t unary_bytes, stream_head_bytes, chunk_bytes, end_bytes;

static const char *REPLY =
    "{\"id\":\"chatcmpl-9f3a\",\"object\":\"chat.completion\",\"created\":1780000000,\"model\":\"bench-large\",\"choices\":[{\"index\":0,"
    "\"message\":{\"role\":\"assistant\",\"content\":\"A process owns an address space; threads share one. Threads are cheap to start and to "
    "switch between, and share their mistakes just as cheaply. Use processes where a fault must stay local, and threads where data must "
    "not be copied.\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":182,"
    "\"completion_tokens\":51,\"total_tokens\":233,\"prompt_tokens_details\":{\"cached_tokens\":128,\"audio_tokens\":0},"
    "\"completion_tokens_details\":{\"reasoning_tokens\":0}},\"service_tier\":\"default\"}";
#define EVENT(choices, usage)                                                                                          \
  "data: {\"id\":\"chatcmpl-9f3a\",\"object\":\"chat.completion.chunk\",\"created\":1780000000,\"model\":\"bench-large\","                 \
  "\"service_tier\":\"default\",\"system_fingerprint\":\"fp_bench\",\"choices\":[" choices "],\"usage\":" usage "}\n\n"

static size_t as_http_chunk(char *out, const char *text) { return sprintf(out, "%zx\r\n%s\r\n", strlen(text), text); }

static void prepare(void) {
  const char *common = "HTTP/1.1 200 OK\r\nX-Request-Id: up_4a1f\r\nContent-Type: ";
  unary_bytes = sprintf(unary_answer, "%sapplication/json\r\nContent-Length: %zu\r\n\r\n%s", common, strlen(REPLY), REPLY);
  stream_head_bytes = sprintf(stream_head, "%stext/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n", common);
  chunk_bytes = as_http_chunk(
      chunk_frame, EVENT("{\"index\":0,\"delta\":{\"content\":\" thread\"},\"logprobs\":null,\"finish_reason\":null}", "null"));
  end_bytes = as_http_chunk(
      end_frame, EVENT("{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}", "null")
                     EVENT("", "{\"prompt_tokens\":182,\"completion_tokens\":40,\"total_tokens\":222}") "data: [DONE]\n\n");
  end_bytes += sprintf(end_frame + end_bytes, "0\r\n\r\n");
}

static void forget(int fd) {
  close(fd);
  free(peers[fd]);
  peers[fd] = NULL;
}

// Sends what is owed, then `frame`. 0 when the socket is full before `frame` was begun.
static int send_frame(int fd, struct peer *peer, const char *frame, size_t bytes) {
  if (peer->owed_bytes) {
    ssize_t sent = write(fd, peer->owed, peer->owed_bytes);
    if (sent < 0) return 0;
    peer->owed += sent;
    peer->owed_bytes -= sent;
    if (peer->owed_bytes) return 0;
  }
  if (!bytes) return 1;
  ssize_t sent = write(fd, frame, bytes);
  if (sent < 0) return 0;
  peer->owed = frame + sent;
  peer->owed_bytes = bytes - sent;
  return 1;
}

// The next chunk of the stream, or its end. 0 when the socket is full.
static int step(int fd, struct peer *peer) {
  int last = peer->chunks_sent == chunks;
  if (!(last ? send_frame(fd, peer, end_frame, end_bytes) : send_frame(fd, peer, chunk_frame, chunk_bytes))) return 0;
  writes++;
  if (last) peer->streaming = 0;
  else peer->chunks_sent++;
  return 1;
}

static void answer_call(int fd, struct peer *peer) {
  calls++;
  if (!chunks) {
    writes++;
    send_frame(fd, peer, unary_answer, unary_bytes);
    return;
  }
  peer->streaming = 1;
  peer->chunks_sent = 0;
  send_frame(fd, peer, stream_head, stream_head_bytes);
  while (!tick_ms && peer->streaming && step(fd, peer)) {}
}

static void answer_count(int fd) {
  char body[96], text[256];
  int body_bytes = sprintf(body, "{\"calls\":%lu,\"writes\":%lu}", calls, writes);
  int text_bytes = sprintf(text, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", body_bytes, body);
  if (write(fd, text, text_bytes) < 0) return;
}

// One whole request head has arrived: how long is its body?
static void read_head(int fd, struct peer *peer) {
  peer->head[peer->head_bytes] = 0;
  peer->head_bytes = 0;
  if (!strncmp(peer->head, "GET ", 4)) {
    answer_count(fd);
    return;
  }
  char *length = strcasestr(peer->head, "\r\ncontent-length:");
  peer->body_left = length ? strtoul(length + 17, NULL, 10) : 0;
  if (peer->body_left) peer->in_body = 1;
  else answer_call(fd, peer);
}

// 0 when the peer must go.
static int take(int fd, struct peer *peer, const char *data, size_t bytes) {
  while (bytes) {
    if (peer->in_body) {
      size_t part = bytes < peer->body_left ? bytes : peer->body_left;
      data += part;
      bytes -= part;
      peer->body_left -= part;
      if (peer->body_left) return 1;
      peer->in_body = 0;
      answer_call(fd, peer);
      continue;
    }
    if (peer->head_bytes == HEAD_BYTES - 1) return 0;
    peer->head[peer->head_bytes++] = *data++;
    bytes--;
    if (peer->head_bytes >= 4 && !memcmp(peer->head + peer->head_bytes - 4, "\r\n\r\n", 4)) read_head(fd, peer);
  }
  return 1;
}

static void tick(void) {
  for (int fd = 0; fd <= highest_fd; fd++)
    if (peers[fd] && peers[fd]->streaming) step(fd, peers[fd]);
}

static void greet(int poll_fd, int listener) {
  int on = 1;
  for (int fd; (fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK)) >= 0;) {
    if (fd >= MAX_FD || !(peers[fd] = calloc(1, sizeof(struct peer)))) {
      close(fd);
      continue;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    if (fd > highest_fd) highest_fd = fd;
    struct epoll_event event = {.events = EPOLLIN, .data.fd = fd};
    epoll_ctl(poll_fd, EPOLL_CTL_ADD, fd, &event);
  }
}

static int open_listener(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 4096)) return -1;
  getsockname(listener, (struct sockaddr *)&address, &size);
  printf("%d\n", ntohs(address.sin_port));
  fflush(stdout);
  return listener;
}

int main(int argc, char **argv) {
  if (argc != 3) return 2;
  chunks = atoi(argv[1]);
  tick_ms = atoi(argv[2]);
  signal(SIGPIPE, SIG_IGN);
  prepare();
  int listener = open_listener();
  if (listener < 0) {
    perror("listen");
    return 1;
  }
  int poll_fd = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
  struct timespec period = {tick_ms / 1000, tick_ms % 1000 * 1000000L};
  timerfd_settime(timer, 0, &(struct itimerspec){period, period}, NULL);
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, listener, &(struct epoll_event){.events = EPOLLIN, .data.fd = listener});
  epoll_ctl(poll_fd, EPOLL_CTL_ADD, timer, &(struct epoll_event){.events = EPOLLIN, .data.fd = timer});
  static struct epoll_event events[1024];
  static char data[1 << 18];
  for (;;) {
    int count = epoll_wait(poll_fd, events, 1024, -1);
    for (int i = 0; i < count; i++) {
      int fd = events[i].data.fd;
      unsigned long expirations;
      if (fd == listener) greet(poll_fd, listener);
      else if (fd == timer) {
        if (read(timer, &expirations, sizeof expirations) > 0) tick();
      } else if (peers[fd]) {
        ssize_t bytes = read(fd, data, sizeof data);
        if (bytes > 0 ? !take(fd, peers[fd], data, bytes) : bytes == 0 || errno != EAGAIN) forget(fd);
      }
    }
  }
}
