/* SPDX-License-Identifier: GPL-2.0-only */
/* nat_state.h - how far a translated flow is, and how long it may be silent before its port is
 * free. */
#ifndef BPF_NAT_STATE_H
#define BPF_NAT_STATE_H

#include "clock.h"
#include "packet.h"

/* seen of an entry that is being taken from its flow; no clock shows it, see clock_s(). */
#define NAT_CLAIMED 0

/* Above the 2 hours of RFC 5382 would keep ports of dead peers; keep-alives are often hourly. */
#define NAT_TCP_IDLE_S 3600
/* A client gives a SYN up after about as long; nothing is lost if it comes later. */
#define NAT_TCP_HALF_OPEN_S 30
/* The peer forgets a connection at a RST; this is for packets still under way. */
#define NAT_TCP_RESET_S 2
/*
 * The client waits in TIME_WAIT, the backend at most for the last ACK: long enough for three
 * retransmissions of its FIN, short enough for 10,000 new connections a second to a backend.
 */
#define NAT_TCP_CLOSED_S 2
/* The backend waits in TIME_WAIT (RFC 9293, 3.6.1; 60 s in Linux): a SYN into it stalls. */
#define NAT_TCP_BACKEND_TIME_WAIT_S 65
/* RFC 4787, REQ-5, asks for 2 minutes; an unanswered request needs no more than a resolver's. */
#define NAT_UDP_REPLIED_S 120
#define NAT_UDP_UNREPLIED_S 30

/* Of TCP none is shorter. */
#define NAT_TCP_SHORTEST_S 2

#define NAT_CLOSING (GW_NAT_CLIENT_FIN | GW_NAT_BACKEND_FIN | GW_NAT_RESET)
#define NAT_BOTH_FIN (GW_NAT_CLIENT_FIN | GW_NAT_BACKEND_FIN)

static __always_inline __u32 nat_timeout_s(__u32 state, __u8 protocol, bool is_confirmed)
{
	if (protocol != IPPROTO_TCP)
		return state & GW_NAT_REPLIED ? NAT_UDP_REPLIED_S : NAT_UDP_UNREPLIED_S;
	if (state & GW_NAT_RESET)
		return NAT_TCP_RESET_S;
	if ((state & NAT_BOTH_FIN) == NAT_BOTH_FIN)
		return state & GW_NAT_BACKEND_CLOSED_FIRST ? NAT_TCP_BACKEND_TIME_WAIT_S
							   : NAT_TCP_CLOSED_S;
	if (!is_confirmed || !(state & GW_NAT_REPLIED))
		return NAT_TCP_HALF_OPEN_S;
	return NAT_TCP_IDLE_S;
}

/* A client may use its port again once the old connection is ending: a new flow, the same entry. */
static __always_inline bool nat_is_reopened(const struct packet *packet, __u32 state)
{
	return packet->tcp_flags & TCP_SYN && state & NAT_CLOSING;
}

static __always_inline __u32 nat_state_after_client(const struct packet *packet, __u32 state)
{
	if (packet->protocol != IPPROTO_TCP)
		return state;
	if (nat_is_reopened(packet, state))
		return 0;
	if (packet->tcp_flags & TCP_RST)
		return state | GW_NAT_RESET;
	/* Who goes on talking has not been reset, whoever forged that. */
	state &= ~GW_NAT_RESET;
	return packet->tcp_flags & TCP_FIN ? state | GW_NAT_CLIENT_FIN : state;
}

static __always_inline __u32 nat_state_after_reply(const struct packet *packet, __u32 state)
{
	state |= GW_NAT_REPLIED;
	if (packet->tcp_flags & TCP_RST)
		state |= GW_NAT_RESET;
	if (packet->tcp_flags & TCP_FIN) {
		if (!(state & GW_NAT_CLIENT_FIN))
			state |= GW_NAT_BACKEND_CLOSED_FIRST;
		state |= GW_NAT_BACKEND_FIN;
	}
	return state;
}

/* Bit by bit, since the other direction may be at work on another CPU; rarely, as bits change
 * rarely. */
static __always_inline void nat_state_write(struct gw_nat *entry, __u32 before, __u32 after)
{
	if (after & ~before)
		__sync_fetch_and_or(&entry->state, after & ~before);
	if (before & ~after)
		__sync_fetch_and_and(&entry->state, ~(before & ~after));
}

#endif
