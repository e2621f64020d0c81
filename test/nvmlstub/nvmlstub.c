//go:build ignore

/* A stand-in for the NVIDIA driver's library, for tests: it answers as
 * libnvidia-ml.so.1 from the file that $NVMLSTUB_CONFIG names. Its driver
 * version says that it is simulated. nvmlstub.go describes the file and
 * builds the library; NVMLSTUB_OMIT_x leaves the symbol x out.
 *
 * Power is a function of time, and the energy counter its exact integral, so
 * that what a meter makes of both can be held against a closed form. */
#define _GNU_SOURCE
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define API __attribute__((visibility("default")))

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

/* ---- the interface ---- */

static ret check(const gpu *g, const char *symbol)
{
	double t = now();
	if (!S.up) return UNINITIALISED;
	if (g < S.gpus || g >= S.gpus + S.count) return INVALID;
	if (g->lost_at > 0 && t >= g->lost_at) return LOST;
	for (int i = 0; i < g->ncodes; i++)
		if (strcmp(g->codes[i].name, symbol) == 0 && t >= g->codes[i].from && t < g->codes[i].to) return g->codes[i].code;
	return OK;
}

#define CHECK(g) do { ret code_ = check(g, __func__); if (code_ != OK) return code_; } while (0)

#ifndef NVMLSTUB_OMIT_nvmlInit_v2
API ret nvmlInit_v2(void)
{
	if (S.up > 0) { S.up++; return OK; }
	ret r = load();
	if (r == OK) S.up = 1;
	return r;
}
API ret nvmlInitWithFlags(unsigned int flags) { (void)flags; return nvmlInit_v2(); }
#endif

API ret nvmlShutdown(void)
{
	if (S.up == 0) return UNINITIALISED;
	if (--S.up == 0)
		for (int i = 0; i < MAX_GPUS; i++) { free(S.gpus[i].trace); S.gpus[i].trace = NULL; }
	return OK;
}

API const char *nvmlErrorString(ret r) { (void)r; return "an error of the simulated library"; }

static ret give(const char *text, char *out, unsigned int n)
{
	if (!S.up) return UNINITIALISED;
	if (text[0] == 0) return NOT_SUPPORTED;
	if (strlen(text) >= n) return TOO_SMALL;
	copy(out, n, text);
	return OK;
}

API ret nvmlSystemGetDriverVersion(char *out, unsigned int n) { return give(S.driver, out, n); }
API ret nvmlSystemGetNVMLVersion(char *out, unsigned int n) { return give(S.nvml, out, n); }
API ret nvmlSystemGetCudaDriverVersion(int *v) { *v = S.cuda; return S.up ? (S.cuda > 0 ? OK : NOT_SUPPORTED) : UNINITIALISED; }
API ret nvmlDeviceGetCount_v2(unsigned int *n) { *n = (unsigned int)S.count; return S.up ? OK : UNINITIALISED; }

API ret nvmlDeviceGetHandleByIndex_v2(unsigned int i, gpu **out)
{
	if (!S.up) return UNINITIALISED;
	if (i >= (unsigned int)S.count) return INVALID;
	*out = &S.gpus[i];
	for (int k = 0; k < (*out)->ncodes; k++)
		if (strcmp((*out)->codes[k].name, __func__) == 0) return (*out)->codes[k].code;
	return OK;
}

API ret nvmlDeviceGetHandleByUUID(const char *uuid, gpu **out)
{
	for (int i = 0; i < S.count; i++)
		if (strcmp(uuid, S.gpus[i].uuid) == 0) { *out = &S.gpus[i]; return OK; }
	return NOT_FOUND;
}

API ret nvmlDeviceGetName(gpu *g, char *out, unsigned int n) { CHECK(g); return give(g->name, out, n); }
API ret nvmlDeviceGetUUID(gpu *g, char *out, unsigned int n) { CHECK(g); return give(g->uuid, out, n); }
API ret nvmlDeviceGetVbiosVersion(gpu *g, char *out, unsigned int n) { CHECK(g); return give(g->vbios, out, n); }

API ret nvmlDeviceGetArchitecture(gpu *g, unsigned int *out)
{
	CHECK(g);
	*out = g->arch;
	return g->arch > 0 ? OK : NOT_SUPPORTED;
}

typedef struct {
	char legacy[16];
	unsigned int domain, bus, device, id, subsystem;
	char text[32];
} pci;

API ret nvmlDeviceGetPciInfo_v3(gpu *g, pci *out)
{
	CHECK(g);
	if (g->bus[0] == 0) return NOT_SUPPORTED;
	memset(out, 0, sizeof *out);
	out->id = g->pci_device;
	copy(out->text, sizeof out->text, g->bus);
	return OK;
}

API ret nvmlDeviceGetEnforcedPowerLimit(gpu *g, unsigned int *mw)
{
	CHECK(g);
	*mw = g->limit_mw;
	return g->limit_mw > 0 ? OK : NOT_SUPPORTED;
}

API ret nvmlDeviceGetMigMode(gpu *g, unsigned int *mode, unsigned int *pending)
{
	CHECK(g);
	*mode = *pending = (unsigned int)g->mig_on;
	return g->mig_supported ? OK : NOT_SUPPORTED;
}

API ret nvmlDeviceGetMaxMigDeviceCount(gpu *g, unsigned int *n) { CHECK(g); *n = g->mig_supported ? 7 : 0; return OK; }

API ret nvmlDeviceGetMigDeviceHandleByIndex(gpu *g, unsigned int i, gpu **out)
{
	CHECK(g);
	*out = g;
	return i < (unsigned int)g->mig_devices ? OK : NOT_FOUND;
}

API ret nvmlDeviceGetEccMode(gpu *g, unsigned int *mode, unsigned int *pending)
{
	CHECK(g);
	*mode = *pending = (unsigned int)g->ecc_on;
	return g->ecc_supported ? OK : NOT_SUPPORTED;
}

API ret nvmlDeviceGetTotalEccErrors(gpu *g, int kind, int counter, unsigned long long *out)
{
	CHECK(g);
	(void)counter;
	*out = kind == 0 ? g->corrected : g->uncorrected;
	return g->ecc_supported && g->ecc_on ? OK : NOT_SUPPORTED;
}

API ret nvmlDeviceGetPowerUsage(gpu *g, unsigned int *mw)
{
	CHECK(g);
	*mw = milliwatts(g, g->average_window > 0 && g->arch >= 7 ? g->average_window : g->window);
	return OK;
}

#ifndef NVMLSTUB_OMIT_nvmlDeviceGetTotalEnergyConsumption
API ret nvmlDeviceGetTotalEnergyConsumption(gpu *g, unsigned long long *mj)
{
	CHECK(g);
	*mj = millijoules(g);
	return OK;
}
#endif

typedef struct {
	unsigned int id, scope;
	long long stamp, latency;
	int kind;
	ret ret;
	union { double d; unsigned int u; unsigned long long ull; } v;
} value;

/* a field's own return code is that of the made-up symbol "field<id>" */
static void answer(gpu *g, value *f)
{
	char symbol[32];
	snprintf(symbol, sizeof symbol, "field%u", f->id);
	f->stamp = (long long)(1e6 * now());
	f->latency = 0;
	f->ret = check(g, symbol);
	if (f->ret != OK) return;
	int power = f->id == 185 || f->id == 186;
	if (f->scope > 1 || (power && (int)f->scope != g->scope) || (!power && f->scope != 0)) { f->ret = power ? NOT_SUPPORTED : INVALID; return; }
	switch (f->id) {
	case 185:
		f->kind = 1;
		f->v.ull = milliwatts(g, g->average_window);
		f->ret = g->average_window > 0 ? OK : NOT_SUPPORTED;
		break;
	case 186: f->kind = 1; f->v.ull = milliwatts(g, g->window); break;
	case 83: f->kind = 3; f->v.ull = millijoules(g); break;
	case 74: f->kind = 3; f->v.ull = (unsigned long long)(1e9 * g->throttled * now()); break;
	case 75: f->kind = 3; f->v.ull = 0; break;
	default: f->ret = NOT_SUPPORTED;
	}
}

#ifndef NVMLSTUB_OMIT_nvmlDeviceGetFieldValues
API ret nvmlDeviceGetFieldValues(gpu *g, int n, value *values)
{
	CHECK(g);
	if (n <= 0 || values == NULL) return INVALID;
	for (int i = 0; i < n; i++) answer(g, &values[i]);
	return OK;
}
#endif

typedef struct { unsigned long long total, free, used; } memory1;
typedef struct { unsigned int version; unsigned long long total, reserved, free, used; } memory2;
typedef struct { unsigned int gpu, memory; } rates;

API ret nvmlDeviceGetMemoryInfo(gpu *g, memory1 *out)
{
	CHECK(g);
	double used = trace_value(g, 1, g->memory) + g->reserved;
	out->total = (unsigned long long)g->total;
	out->used = (unsigned long long)used;
	out->free = (unsigned long long)(g->total - used);
	return g->total > 0 ? OK : NOT_SUPPORTED;
}

#ifndef NVMLSTUB_OMIT_nvmlDeviceGetMemoryInfo_v2
API ret nvmlDeviceGetMemoryInfo_v2(gpu *g, memory2 *out)
{
	CHECK(g);
	if (out->version != (sizeof(memory2) | (2u << 24))) return INVALID;
	double used = trace_value(g, 1, g->memory);
	out->total = (unsigned long long)g->total;
	out->reserved = (unsigned long long)g->reserved;
	out->used = (unsigned long long)used;
	out->free = (unsigned long long)(g->total - used - g->reserved);
	return g->total > 0 ? OK : NOT_SUPPORTED;
}
#endif

API ret nvmlDeviceGetUtilizationRates(gpu *g, rates *out)
{
	CHECK(g);
	if (g->mig_on) return NOT_SUPPORTED;
	out->gpu = (unsigned int)trace_value(g, 0, g->util);
	out->memory = out->gpu / 2;
	return OK;
}

API ret nvmlDeviceGetTemperature(gpu *g, int sensor, unsigned int *out)
{
	CHECK(g);
	*out = (unsigned int)g->temperature;
	return sensor == 0 ? OK : INVALID;
}

API ret nvmlDeviceGetClockInfo(gpu *g, int kind, unsigned int *out)
{
	CHECK(g);
	*out = (unsigned int)(kind == 2 ? g->mem : g->sm);
	return OK;
}

API ret nvmlDeviceGetMaxClockInfo(gpu *g, int kind, unsigned int *out) { return nvmlDeviceGetClockInfo(g, kind, out); }
API ret nvmlDeviceGetPerformanceState(gpu *g, int *out) { CHECK(g); *out = g->pstate; return OK; }

#ifndef NVMLSTUB_OMIT_nvmlDeviceGetCurrentClocksEventReasons
API ret nvmlDeviceGetCurrentClocksEventReasons(gpu *g, unsigned long long *out) { CHECK(g); *out = g->throttle; return OK; }
#endif
API ret nvmlDeviceGetCurrentClocksThrottleReasons(gpu *g, unsigned long long *out) { CHECK(g); *out = g->throttle; return OK; }

typedef struct { unsigned int pid; unsigned long long bytes; unsigned int gi, ci; } info;

#ifndef NVMLSTUB_OMIT_nvmlDeviceGetComputeRunningProcesses_v3
API ret nvmlDeviceGetComputeRunningProcesses_v3(gpu *g, unsigned int *n, info *out)
{
	CHECK(g);
	unsigned int room = *n, have = 0;
	double t = now();
	for (int i = 0; i < g->nprocs; i++) {
		const proc *p = &g->procs[i];
		if (t < p->from || t >= p->to) continue;
		if (have < room && out != NULL) out[have] = (info){p->pid, p->bytes, 0xFFFFFFFFu, 0xFFFFFFFFu};
		have++;
	}
	*n = have;
	return have > room ? TOO_SMALL : OK;
}
#endif

API ret nvmlDeviceGetGraphicsRunningProcesses_v3(gpu *g, unsigned int *n, info *out)
{
	CHECK(g);
	(void)out;
	*n = 0;
	return OK;
}

/* none: the driver's own history of samples is not simulated */
API ret nvmlDeviceGetSamples(gpu *g, int type, unsigned long long since, int *kind, unsigned int *n, void *out)
{
	CHECK(g);
	(void)type, (void)since, (void)kind, (void)n, (void)out;
	return NOT_SUPPORTED;
}
