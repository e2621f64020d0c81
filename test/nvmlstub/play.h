/* What the stand-in plays: the true power of each GPU with its integral, how
 * sensors show it, and the file that says so. Included by nvmlstub.c alone. */
#define _GNU_SOURCE
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { MAX_GPUS = 16, MAX_PROCESSES = 32, MAX_CODES = 64, TEXT = 96 };
enum {
	OK = 0, UNINITIALISED = 1, INVALID = 2, NOT_SUPPORTED = 3, NOT_FOUND = 6, TOO_SMALL = 7, LOST = 15
};

typedef unsigned int ret;

typedef struct { double t, watts, util, memory, joules; } point; /* joules: integral up to t */
typedef struct { unsigned int pid; unsigned long long bytes; double from, to; } proc;
typedef struct { char name[TEXT]; ret code; double from, to; } forced;

typedef enum { CONSTANT, RAMP, SINE, SQUARE, TRACE } shape;

typedef struct gpu {
	char uuid[TEXT], name[TEXT], vbios[TEXT], bus[32];
	unsigned int arch, pci_device, limit_mw;
	shape shape;
	double a, b, period;               /* watts, slope or amplitude or high, seconds */
	point *trace; int points;          /* sorted by t; loops after the last */
	double util, memory, total, reserved;
	double update, lag, window, average_window, step_j, offset_j, reset_at, lost_at, energy_update;
	int scope;                         /* of the power fields: 0 GPU, 1 module only */
	int mig_supported, mig_on, mig_devices, ecc_supported, ecc_on;
	int temperature, sm, mem, pstate;
	unsigned long long throttle, corrected, uncorrected;
	double throttled;                  /* share of time at the power cap */
	proc procs[MAX_PROCESSES]; int nprocs;
	forced codes[MAX_CODES]; int ncodes;
} gpu;

static struct {
	int up, count, cuda;
	ret init;
	char driver[TEXT], nvml[TEXT];
	double epoch;
	gpu gpus[MAX_GPUS];
} S;

static double monotonic(void)
{
	struct timespec ts;
	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + 1e-9 * (double)ts.tv_nsec;
}

static double now(void) { return monotonic() - S.epoch; }

/* ---- the true power and its integral ---- */

static int at_point(const gpu *g, double t)
{
	int lo = 0, hi = g->points - 1;
	while (hi - lo > 1) {
		int mid = (lo + hi) / 2;
		if (g->trace[mid].t <= t) lo = mid; else hi = mid;
	}
	return lo;
}

static double trace_length(const gpu *g) { return g->trace[g->points - 1].t - g->trace[0].t; }

/* where in its trace a GPU is at t */
static double in_trace(const gpu *g, double t)
{
	double len = trace_length(g), into = fmod(t, len);
	if (into < 0) into += len;
	return g->trace[0].t + into;
}

static double watts_at(const gpu *g, double t)
{
	switch (g->shape) {
	case RAMP: return t < 0 ? g->a : g->a + g->b * t;
	case SINE: return g->a + g->b * sin(2 * M_PI * t / g->period);
	case SQUARE: { double into = fmod(t, g->period); if (into < 0) into += g->period; return into < g->period / 2 ? g->b : g->a; }
	case TRACE: {
		double x = in_trace(g, t);
		int i = at_point(g, x);
		const point *p = &g->trace[i], *q = p + 1;
		return p->watts + (q->watts - p->watts) * (x - p->t) / (q->t - p->t);
	}
	default: return g->a;
	}
}

/* energy from 0 to t, in J; negative before 0 */
static double joules_at(const gpu *g, double t)
{
	switch (g->shape) {
	case RAMP: return t < 0 ? g->a * t : g->a * t + g->b * t * t / 2;
	case SINE: { double w = 2 * M_PI / g->period; return g->a * t + g->b / w * (1 - cos(w * t)); }
	case SQUARE: {
		double whole = floor(t / g->period), into = t - whole * g->period, half = g->period / 2;
		return whole * (g->a + g->b) * half + (into < half ? g->b * into : g->b * half + g->a * (into - half));
	}
	case TRACE: {
		double len = trace_length(g), whole = floor(t / len), x = g->trace[0].t + t - whole * len;
		int i = at_point(g, x);
		const point *p = &g->trace[i], *q = p + 1;
		double d = x - p->t, slope = (q->watts - p->watts) / (q->t - p->t);
		return whole * g->trace[g->points - 1].joules + p->joules + p->watts * d + slope * d * d / 2;
	}
	default: return g->a * t;
	}
}

static double mean_over(const gpu *g, double t, double window)
{
	if (window <= 0) return watts_at(g, t);
	return (joules_at(g, t) - joules_at(g, t - window)) / window;
}

/* the moment that a sensor shows at t: the last renewal, less its lag */
static double shown(const gpu *g, double t, double update)
{
	if (update > 0) t = floor(t / update) * update;
	return t - g->lag;
}

static unsigned int milliwatts(const gpu *g, double window)
{
	double w = mean_over(g, shown(g, now(), g->update), window);
	return w <= 0 ? 0 : (unsigned int)(1000 * w + 0.5);
}

static unsigned long long millijoules(const gpu *g)
{
	double t = now(), at = shown(g, t, g->energy_update > 0 ? g->energy_update : g->update);
	double j = g->offset_j + joules_at(g, at);
	if (g->reset_at > 0 && t >= g->reset_at) {
		j = joules_at(g, at) - joules_at(g, g->reset_at);
	}
	if (j < 0) j = 0;
	if (g->step_j > 0) j = floor(j / g->step_j) * g->step_j;
	return (unsigned long long)(1000 * j);
}

static double trace_value(const gpu *g, int memory, double fixed)
{
	if (g->shape != TRACE) return fixed;
	const point *p = &g->trace[at_point(g, in_trace(g, now()))];
	double v = memory ? p->memory : p->util;
	return v < 0 ? fixed : v;
}

/* ---- the file ---- */

static int load_trace(gpu *g, const char *path)
{
	FILE *f = fopen(path, "r");
	char line[512];
	int size = 0;
	if (f == NULL) return 0;
	while (fgets(line, sizeof line, f) != NULL) {
		point p = {.util = -1, .memory = -1};
		if (sscanf(line, "%lf,%lf,%lf,%lf", &p.t, &p.watts, &p.util, &p.memory) < 2) continue;
		if (g->points > 0 && p.t <= g->trace[g->points - 1].t) continue;
		if (g->points == size) {
			size = size == 0 ? 1024 : 2 * size;
			g->trace = realloc(g->trace, (size_t)size * sizeof *g->trace);
			if (g->trace == NULL) { fclose(f); return 0; }
		}
		if (g->points > 0) {
			const point *q = &g->trace[g->points - 1];
			p.joules = q->joules + (p.watts + q->watts) / 2 * (p.t - q->t);
		}
		g->trace[g->points++] = p;
	}
	fclose(f);
	return g->points >= 2;
}

static int set_power(gpu *g, char *value)
{
	char kind[32];
	double a = 0, b = 0, c = 0;
	if (strncmp(value, "trace ", 6) == 0) {
		g->shape = TRACE;
		return load_trace(g, value + 6);
	}
	if (sscanf(value, "%31s %lf %lf %lf", kind, &a, &b, &c) < 2) return 0;
	g->a = a; g->b = b; g->period = c;
	if (strcmp(kind, "const") == 0) g->shape = CONSTANT;
	else if (strcmp(kind, "ramp") == 0) g->shape = RAMP;
	else if (strcmp(kind, "sine") == 0) g->shape = SINE;
	else if (strcmp(kind, "square") == 0) g->shape = SQUARE;
	else return 0;
	return (g->shape != SINE && g->shape != SQUARE) || c > 0;
}

static void copy(char *to, size_t n, const char *from) { snprintf(to, n, "%s", from); }

static int set_number(gpu *g, const char *key, const char *value)
{
	double v = strtod(value, NULL);
	const struct { const char *key; double *d; int *i; unsigned int *u; unsigned long long *l; } all[] = {
		{"util", &g->util, 0, 0, 0}, {"memory", &g->memory, 0, 0, 0}, {"total", &g->total, 0, 0, 0},
		{"reserved", &g->reserved, 0, 0, 0}, {"update", &g->update, 0, 0, 0}, {"lag", &g->lag, 0, 0, 0},
		{"window", &g->window, 0, 0, 0}, {"average_window", &g->average_window, 0, 0, 0},
		{"energy_update", &g->energy_update, 0, 0, 0}, {"step", &g->step_j, 0, 0, 0},
		{"offset", &g->offset_j, 0, 0, 0}, {"reset_at", &g->reset_at, 0, 0, 0},
		{"lost_at", &g->lost_at, 0, 0, 0}, {"throttled", &g->throttled, 0, 0, 0},
		{"scope", 0, &g->scope, 0, 0}, {"mig_supported", 0, &g->mig_supported, 0, 0}, {"mig_on", 0, &g->mig_on, 0, 0},
		{"mig_devices", 0, &g->mig_devices, 0, 0}, {"ecc_supported", 0, &g->ecc_supported, 0, 0},
		{"ecc_on", 0, &g->ecc_on, 0, 0}, {"temperature", 0, &g->temperature, 0, 0}, {"sm", 0, &g->sm, 0, 0},
		{"mem", 0, &g->mem, 0, 0}, {"pstate", 0, &g->pstate, 0, 0}, {"arch", 0, 0, &g->arch, 0},
		{"pci_device", 0, 0, &g->pci_device, 0}, {"limit_mw", 0, 0, &g->limit_mw, 0},
		{"throttle", 0, 0, 0, &g->throttle}, {"corrected", 0, 0, 0, &g->corrected},
		{"uncorrected", 0, 0, 0, &g->uncorrected},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (strcmp(key, all[i].key) != 0) continue;
		if (all[i].d != NULL) *all[i].d = v;
		if (all[i].i != NULL) *all[i].i = (int)v;
		if (all[i].u != NULL) *all[i].u = (unsigned int)v;
		if (all[i].l != NULL) *all[i].l = (unsigned long long)v;
		return 1;
	}
	return 0;
}

static int set_gpu(gpu *g, const char *key, char *value)
{
	if (strcmp(key, "uuid") == 0) { copy(g->uuid, TEXT, value); return 1; }
	if (strcmp(key, "name") == 0) { copy(g->name, TEXT, value); return 1; }
	if (strcmp(key, "vbios") == 0) { copy(g->vbios, TEXT, value); return 1; }
	if (strcmp(key, "bus") == 0) { copy(g->bus, sizeof g->bus, value); return 1; }
	if (strcmp(key, "power") == 0) return set_power(g, value);
	if (strcmp(key, "process") == 0) {
		proc p = {.to = 1e18};
		if (g->nprocs == MAX_PROCESSES) return 0;
		if (sscanf(value, "%u %llu %lf %lf", &p.pid, &p.bytes, &p.from, &p.to) < 2) return 0;
		g->procs[g->nprocs++] = p;
		return 1;
	}
	if (strcmp(key, "return") == 0) { /* symbol code [from [to]] */
		forced f = {.to = 1e18};
		if (g->ncodes == MAX_CODES) return 0;
		if (sscanf(value, "%95s %u %lf %lf", f.name, &f.code, &f.from, &f.to) < 2) return 0;
		g->codes[g->ncodes++] = f;
		return 1;
	}
	return set_number(g, key, value);
}

static int set(const char *key, char *value)
{
	unsigned int i = 0;
	int used = 0;
	if (strcmp(key, "driver") == 0) { copy(S.driver, TEXT, value); return 1; }
	if (strcmp(key, "nvml") == 0) { copy(S.nvml, TEXT, value); return 1; }
	if (strcmp(key, "cuda") == 0) { S.cuda = atoi(value); return 1; }
	if (strcmp(key, "init") == 0) { S.init = (ret)strtoul(value, NULL, 10); return 1; }
	if (strcmp(key, "epoch") == 0) { S.epoch = strtod(value, NULL); return 1; }
	if (strcmp(key, "gpus") == 0) { S.count = atoi(value); return S.count >= 0 && S.count <= MAX_GPUS; }
	if (sscanf(key, "gpu%u.%n", &i, &used) < 1 || used == 0 || i >= MAX_GPUS) return 0;
	return set_gpu(&S.gpus[i], key + used, value);
}

/* a file of lines key=value; a line that is not understood refuses the file */
static ret load(void)
{
	const char *path = getenv("NVMLSTUB_CONFIG");
	char line[1024];
	int no = 0;
	memset(&S, 0, sizeof S);
	copy(S.driver, TEXT, "0.0 (simulated)");
	S.epoch = monotonic();
	FILE *f = path != NULL ? fopen(path, "r") : NULL;
	if (f == NULL) { fprintf(stderr, "nvmlstub: NVMLSTUB_CONFIG names no file that can be read\n"); return INVALID; }
	while (fgets(line, sizeof line, f) != NULL) {
		no++;
		line[strcspn(line, "\r\n")] = 0;
		if (line[0] == 0 || line[0] == '#') continue;
		char *eq = strchr(line, '=');
		if (eq != NULL) *eq = 0;
		if (eq == NULL || !set(line, eq + 1)) {
			fprintf(stderr, "nvmlstub: line %d of the configuration is not understood\n", no);
			fclose(f);
			return INVALID;
		}
	}
	fclose(f);
	return S.init;
}

