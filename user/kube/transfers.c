/* SPDX-License-Identifier: BSD-2-Clause */
/* transfers.c - curl_multi_socket_action, driven by libevent. */
#include "kube/transfers.h"

#include <errno.h>
#include <stdlib.h>

#include <event2/event.h>

#include "lib/error.h"
#include "lib/loop.h"

/* A socket that libcurl wants to hear of. */
struct watched {
	struct watched *next, **at;
	struct transfers *transfers;
	struct event *event;
};

struct transfers {
	CURLM *multi;
	struct event_base *base;
	struct event *timer;
	struct watched *sockets;
	void (*on_over)(CURL *easy, CURLcode result, void *owner);
	void *owner;
};

static void tell_over(struct transfers *transfers)
{
	const CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(transfers->multi, &left))) {
		CURL *easy = message->easy_handle;
		CURLcode result = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		(void)curl_multi_remove_handle(transfers->multi, easy);
		transfers->on_over(easy, result, transfers->owner);
	}
}

static void act(struct transfers *transfers, curl_socket_t socket, int events)
{
	int running;

	(void)curl_multi_socket_action(transfers->multi, socket, events, &running);
	tell_over(transfers);
}

static void on_socket(evutil_socket_t fd, short what, void *owner)
{
	struct watched *watched = owner;

	act(watched->transfers, fd,
	    (what & EV_READ ? CURL_CSELECT_IN : 0) | (what & EV_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_due(evutil_socket_t fd, short what, void *owner)
{
	(void)fd, (void)what;
	act(owner, CURL_SOCKET_TIMEOUT, 0);
}

static void forget(struct watched *watched)
{
	if (!watched)
		return;
	*watched->at = watched->next;
	if (watched->next)
		watched->next->at = watched->at;
	if (watched->event)
		event_free(watched->event);
	free(watched);
}

static struct watched *watch(struct transfers *transfers, curl_socket_t socket)
{
	struct watched *watched = calloc(1, sizeof(*watched));

	if (!watched)
		return NULL;
	watched->transfers = transfers;
	watched->next = transfers->sockets;
	watched->at = &transfers->sockets;
	if (watched->next)
		watched->next->at = &watched->next;
	transfers->sockets = watched;
	(void)curl_multi_assign(transfers->multi, socket, watched);
	return watched;
}

static int set_events(struct watched *watched, curl_socket_t socket, int what)
{
	short events = EV_PERSIST;

	if (what & CURL_POLL_IN)
		events |= EV_READ;
	if (what & CURL_POLL_OUT)
		events |= EV_WRITE;
	if (watched->event)
		event_free(watched->event);
	watched->event = event_new(watched->transfers->base, socket, events, on_socket, watched);
	return watched->event && event_add(watched->event, NULL) == 0 ? 0 : -1;
}

/* libcurl wants to hear of other events of a socket. */
static int on_interest(CURL *easy, curl_socket_t socket, int what, void *owner, void *assigned)
{
	struct watched *watched = assigned;

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		(void)curl_multi_assign(((struct transfers *)owner)->multi, socket, NULL);
		forget(watched);
		return 0;
	}
	if (!watched)
		watched = watch(owner, socket);
	return watched ? set_events(watched, socket, what) : -1;
}

static int on_timer(CURLM *multi, long delay_ms, void *owner)
{
	struct transfers *transfers = owner;
	struct timeval delay = { .tv_sec = delay_ms / 1000, .tv_usec = delay_ms % 1000 * 1000 };

	(void)multi;
	if (delay_ms < 0)
		return event_del(transfers->timer);
	return event_add(transfers->timer, &delay);
}

static int settle(struct transfers *transfers)
{
	CURLMcode r = CURLM_OK;

	transfers->timer = evtimer_new(transfers->base, on_due, transfers);
	transfers->multi = curl_multi_init();
	if (!transfers->timer || !transfers->multi)
		return -ENOMEM;
	r |= curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETFUNCTION, on_interest);
	r |= curl_multi_setopt(transfers->multi, CURLMOPT_SOCKETDATA, transfers);
	r |= curl_multi_setopt(transfers->multi, CURLMOPT_TIMERFUNCTION, on_timer);
	r |= curl_multi_setopt(transfers->multi, CURLMOPT_TIMERDATA, transfers);
	return r == CURLM_OK ? 0 : -ENOMEM;
}

int transfers_create(struct loop *loop, void (*on_over)(CURL *easy, CURLcode result, void *owner),
		     void *owner, struct transfers **ret, struct error *error)
{
	struct transfers *transfers;

	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return error_set(error, -ENOMEM, "libcurl: no memory left to begin");
	transfers = calloc(1, sizeof(*transfers));
	if (!transfers) {
		curl_global_cleanup();
		return error_set(error, -ENOMEM, "libcurl: no memory left to begin");
	}
	transfers->base = loop_base(loop);
	transfers->on_over = on_over;
	transfers->owner = owner;
	if (settle(transfers) < 0) {
		transfers_destroy(transfers);
		return error_set(error, -ENOMEM, "libcurl: no memory left to begin");
	}
	*ret = transfers;
	return 0;
}

void transfers_destroy(struct transfers *transfers)
{
	if (!transfers)
		return;
	if (transfers->multi)
		(void)curl_multi_cleanup(transfers->multi);
	while (transfers->sockets)
		forget(transfers->sockets);
	if (transfers->timer)
		event_free(transfers->timer);
	free(transfers);
	curl_global_cleanup();
}

int transfers_add(struct transfers *transfers, CURL *easy)
{
	return curl_multi_add_handle(transfers->multi, easy) == CURLM_OK ? 0 : -ENOMEM;
}

void transfers_remove(struct transfers *transfers, CURL *easy)
{
	(void)curl_multi_remove_handle(transfers->multi, easy);
}
