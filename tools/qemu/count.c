// SPDX-License-Identifier: GPL-2.0
/*
 * count - a plugin for QEMU that counts what is executed between two marks
 *
 * The marks are instructions that do nothing, nopl 0xbad0001(%rax) and
 * nopl 0xbad0002(%rax). At each second mark, a line is written for each piece of
 * straight code (translation block) that was executed since the first:
 *
 *   ADDRESS TIMES INSTRUCTIONS HYPERCALL
 *
 * HYPERCALL is the number that the piece loads into %eax at its end, where there
 * is one, and - elsewhere. The mark itself writes "end". tools/count makes a
 * table of it.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What of QEMU's interface is used here; it comes with QEMU's source only. */
struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint64_t qemu_plugin_id_t;
void qemu_plugin_register_vcpu_tb_trans_cb(qemu_plugin_id_t id,
		void (*cb)(qemu_plugin_id_t id, struct qemu_plugin_tb *tb));
void qemu_plugin_register_vcpu_tb_exec_cb(struct qemu_plugin_tb *tb,
		void (*cb)(unsigned int vcpu, void *data), int flags, void *data);
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *tb, int op,
		void *counter, uint64_t add);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *tb);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *tb);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *tb,
		size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *insn);
size_t qemu_plugin_insn_size(const struct qemu_plugin_insn *insn);

#define EXPORT	__attribute__((visibility("default")))
EXPORT int qemu_plugin_version = 1;

#define BUCKETS	(1 << 16)

struct block {
	struct block *next;
	uint64_t addr, count, before;
	size_t insns;
	int hypercall;
};

static struct block *blocks[BUCKETS];
static FILE *out;

static void mark(unsigned int vcpu, void *end)
{
	struct block *b;
	int i;

	(void)vcpu;
	for (i = 0; i < BUCKETS; i++) {
		for (b = blocks[i]; b; b = b->next) {
			uint64_t times = b->count - b->before;

			b->before = b->count;
			if (!end || !times)
				continue;
			fprintf(out, "%016" PRIx64 " %" PRIu64 " %" PRIu64 " ",
				b->addr, times, times * b->insns);
			if (b->hypercall < 0)
				fprintf(out, "-\n");
			else
				fprintf(out, "%d\n", b->hypercall);
		}
	}
	if (end)
		fprintf(out, "end\n");
	fflush(out);
}

static void translated(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	static const unsigned char nop[] = { 0x0f, 0x1f, 0x80 };
	uint64_t addr = qemu_plugin_tb_vaddr(tb);
	size_t n = qemu_plugin_tb_n_insns(tb), i;
	struct block **p = &blocks[(addr ^ addr >> 16) % BUCKETS], *b;
	int number = -1;

	(void)id;
	for (i = 0; i < n; i++) {
		struct qemu_plugin_insn *insn = qemu_plugin_tb_get_insn(tb, i);
		const unsigned char *d = qemu_plugin_insn_data(insn);
		uint32_t value;

		if (qemu_plugin_insn_size(insn) == 7 && !memcmp(d, nop, 3)) {
			memcpy(&value, d + 3, 4);
			if (value == 0xbad0001 || value == 0xbad0002)
				qemu_plugin_register_vcpu_tb_exec_cb(tb, mark, 0,
					value == 0xbad0002 ? out : NULL);
		} else if (qemu_plugin_insn_size(insn) == 5 && d[0] == 0xb8) {
			memcpy(&value, d + 1, 4);
			if (value < 64)
				number = value;
		}
	}
	for (b = *p; b; b = b->next)
		if (b->addr == addr && b->insns == n)
			break;
	if (!b) {
		b = calloc(1, sizeof(*b));
		if (!b)
			abort();
		b->addr = addr;
		b->insns = n;
		b->next = *p;
		*p = b;
	}
	b->hypercall = number;
	qemu_plugin_register_vcpu_tb_exec_inline(tb, 0, &b->count, 1);
}

/* Argument: out=FILE */
EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const void *info, int argc,
			       char **argv)
{
	(void)info;
	if (argc != 1 || strncmp(argv[0], "out=", 4))
		return 1;
	out = fopen(argv[0] + 4, "w");
	if (!out)
		return 1;
	qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
	return 0;
}
