// The peer: what the operator does when all goes well, as controllers are usually written in Go.
//
// It reads from controller-runtime's caches, makes one Job with a deterministic name, and writes the status when the
// Job is there and when the last container has reported; no step in between, no failure, no Event.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"os"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
	clientgoscheme "k8s.io/client-go/kubernetes/scheme"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/cache"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/healthz"
	"sigs.k8s.io/controller-runtime/pkg/log/zap"
	"sigs.k8s.io/controller-runtime/pkg/metrics/server"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"
)

const (
	label          = "tflite-operator.dev/conversion"
	nameAnnotation = "tflite-operator.dev/conversion-name"
)

var kind = schema.GroupVersionKind{Group: "tflite-operator.dev", Version: "v1alpha1", Kind: "TFLiteConversion"}

type reconciler struct{ client.Client }

func (r *reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	conversion := &unstructured.Unstructured{}
	conversion.SetGroupVersionKind(kind)
	if err := r.Get(ctx, request.NamespacedName, conversion); err != nil {
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	if ready(conversion) {
		return ctrl.Result{}, nil
	}
	job := &batchv1.Job{}
	name := jobName(conversion)
	err := r.Get(ctx, types.NamespacedName{Namespace: request.Namespace, Name: name}, job)
	if apierrors.IsNotFound(err) {
		job = newJob(conversion, name)
		if err := r.Create(ctx, job); err != nil && !apierrors.IsAlreadyExists(err) {
			return ctrl.Result{}, err
		}
	} else if err != nil {
		return ctrl.Result{}, err
	}
	report, err := r.report(ctx, request.Namespace, string(conversion.GetUID()))
	if err != nil {
		return ctrl.Result{}, err
	}
	return ctrl.Result{}, r.write(ctx, conversion, job, report)
}

func (r *reconciler) report(ctx context.Context, namespace, uid string) (map[string]any, error) {
	pods := &corev1.PodList{}
	if err := r.List(ctx, pods, client.InNamespace(namespace), client.MatchingFields{label: uid}); err != nil {
		return nil, err
	}
	for _, pod := range pods.Items {
		for _, container := range pod.Status.ContainerStatuses {
			if ended := container.State.Terminated; ended != nil && ended.ExitCode == 0 {
				report := map[string]any{}
				return report, json.Unmarshal([]byte(ended.Message), &report)
			}
		}
	}
	return nil, nil
}

func (r *reconciler) write(ctx context.Context, before *unstructured.Unstructured, job *batchv1.Job, report map[string]any) error {
	after := before.DeepCopy()
	status := map[string]any{
		"observedGeneration": before.GetGeneration(),
		"startTime":          job.CreationTimestamp.UTC().Format("2006-01-02T15:04:05Z"),
		"job":                map[string]any{"name": job.Name, "uid": string(job.UID), "attempt": int64(1), "failures": int64(0)},
	}
	if report == nil {
		if _, known, _ := unstructured.NestedMap(before.Object, "status", "job"); known {
			return nil
		}
		message := "The pod of Job " + job.Name + " (attempt 1) has not started yet."
		status["conditions"] = []any{
			condition(before, "Ready", "Unknown", "Pending", message),
			condition(before, "Reconciling", "True", "Pending", message),
		}
	} else {
		message := report["message"].(string)
		status["conditions"] = []any{
			condition(before, "Ready", "True", "Converted", message),
			condition(before, "Verified", "True", "SNRSufficient", message),
		}
		for _, field := range []string{"artifact", "signature", "verification", "provenance"} {
			status[field] = report[field]
		}
		status["completionTime"] = metav1.Now().UTC().Format("2006-01-02T15:04:05Z")
	}
	after.Object["status"] = status
	patch := client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})
	return client.IgnoreNotFound(r.Status().Patch(ctx, after, patch))
}

func condition(of *unstructured.Unstructured, kind, status, reason, message string) map[string]any {
	return map[string]any{
		"type": kind, "status": status, "reason": reason, "message": message,
		"observedGeneration": of.GetGeneration(),
		"lastTransitionTime": metav1.Now().UTC().Format("2006-01-02T15:04:05Z"),
	}
}

func ready(conversion *unstructured.Unstructured) bool {
	conditions, _, _ := unstructured.NestedSlice(conversion.Object, "status", "conditions")
	for _, one := range conditions {
		if found, is := one.(map[string]any); is && found["type"] == "Ready" && found["status"] == "True" {
			return true
		}
	}
	return false
}

func jobName(conversion *unstructured.Unstructured) string {
	sum := sha256.Sum256([]byte(string(conversion.GetUID()) + "/1/1"))
	return conversion.GetName() + "-" + hex.EncodeToString(sum[:])[:10]
}

// newJob fills a Job of the operator's own, so that both ask the API server for the same.
func newJob(conversion *unstructured.Unstructured, name string) *batchv1.Job {
	job := template.DeepCopy()
	job.Name, job.Namespace = name, conversion.GetNamespace()
	yes := true
	job.OwnerReferences = []metav1.OwnerReference{{
		APIVersion: kind.GroupVersion().String(), Kind: kind.Kind, Name: conversion.GetName(), UID: conversion.GetUID(),
		Controller: &yes, BlockOwnerDeletion: &yes,
	}}
	for _, metadata := range []*metav1.ObjectMeta{&job.ObjectMeta, &job.Spec.Template.ObjectMeta} {
		metadata.Labels[label] = string(conversion.GetUID())
		metadata.Annotations[nameAnnotation] = conversion.GetName()
	}
	return job
}

var template = &batchv1.Job{}

func owner(_ context.Context, object client.Object) []reconcile.Request {
	name := object.GetAnnotations()[nameAnnotation]
	if name == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: name}}}
}

func trimmed(object any) (any, error) {
	if found, is := object.(client.Object); is {
		found.SetManagedFields(nil)
	}
	return object, nil
}

func run() error {
	ctrl.SetLogger(zap.New())
	content, err := os.ReadFile(os.Getenv("PEER_JOB"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(content, template); err != nil {
		return err
	}
	scheme := runtime.NewScheme()
	if err := clientgoscheme.AddToScheme(scheme); err != nil {
		return err
	}
	ours, err := labels.Parse(label)
	if err != nil {
		return err
	}
	configuration := ctrl.GetConfigOrDie()
	// With the default of 20 requests a second the client's own throttle would be what is measured.
	configuration.QPS, configuration.Burst = 2000, 4000
	manager, err := ctrl.NewManager(configuration, ctrl.Options{
		Scheme:                 scheme,
		Metrics:                server.Options{BindAddress: "0"},
		HealthProbeBindAddress: "127.0.0.1:" + os.Getenv("HTTP_PORT"),
		Cache: cache.Options{
			DefaultTransform: trimmed,
			ByObject:         map[client.Object]cache.ByObject{&batchv1.Job{}: {Label: ours}, &corev1.Pod{}: {Label: ours}},
		},
		Client: client.Options{Cache: &client.CacheOptions{Unstructured: true}},
	})
	if err != nil {
		return err
	}
	index := func(object client.Object) []string { return []string{object.GetLabels()[label]} }
	if err := manager.GetFieldIndexer().IndexField(context.Background(), &corev1.Pod{}, label, index); err != nil {
		return err
	}
	watched := &unstructured.Unstructured{}
	watched.SetGroupVersionKind(kind)
	err = ctrl.NewControllerManagedBy(manager).
		For(watched).
		Watches(&batchv1.Job{}, handler.EnqueueRequestsFromMapFunc(owner)).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(owner)).
		WithOptions(controller.Options{MaxConcurrentReconciles: 8}).
		Complete(&reconciler{manager.GetClient()})
	if err != nil {
		return err
	}
	synced := func(request *http.Request) error {
		if !manager.GetCache().WaitForCacheSync(request.Context()) {
			return context.DeadlineExceeded
		}
		return nil
	}
	if err := manager.AddReadyzCheck("synced", healthz.Checker(synced)); err != nil {
		return err
	}
	return manager.Start(ctrl.SetupSignalHandler())
}

func main() {
	if err := run(); err != nil {
		panic(err)
	}
}
