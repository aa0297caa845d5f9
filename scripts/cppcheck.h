/* SPDX-License-Identifier: BSD-2-Clause */
/* cppcheck.h - what cppcheck takes for the macros of headers that it does not read. */
#define GUIDEWAY_VERSION ""
#define LIBBPF_OPTS(type, name, ...) struct type name = { __VA_ARGS__ }
#define bpf_object__for_each_map(map, object)                                                      \
	for (map = 0; (map = bpf_object__next_map(object, map));)
#define LIST_HEAD(name, type)                                                                      \
	struct name {                                                                              \
		struct type *first;                                                                \
	}
#define TAILQ_HEAD(name, type)                                                                     \
	struct name {                                                                              \
		struct type *first;                                                                \
	}
#define json_array_foreach(array, index, value)                                                    \
	for (index = 0; (value = json_array_get(array, index)); index++)
#define json_object_foreach(object, key, value) while (json_next(object, &(key), &(value)))
