"""The tests of transformers' mixins that are not run on our models, each with its reason. Those of whole modules: docs/hugging_face.md."""

_GPU = "needs a GPU or several"
_FLASH = "needs a GPU and flash attention, which is not offered"
_EXTRA = "needs a library that is not installed beside a language model (deepspeed, kernels, optimum-quanto)"
_FEATURES = "is of models with towers for text, images, sound or video"
_EXPERTS = "is of mixtures of experts"
_COMPOSITE = "is of models made of several models, or of nested configurations"
_CLASSIFIER = "is of heads that classify"
_ENCODER = "is of encoders and decoders"
_EMBEDDINGS = "gives inputs_embeds; a reasoner reads token ids, by which it also knows where a packed document begins"
_POSITIONS = "gives position_ids or masks of four axes; a reasoner counts positions itself, from the mask of its own tokens"
_ROTARY = "changes rope settings of the configuration; rotary tables are the reasoner's own, made for the lengths that it was built for"
_FLOAT32 = "is of models that keep some modules in float32"
_CONVERSION = "is of models whose files have other names than their weights"
_CHECKPOINTING = (
    "looks for transformers' GradientCheckpointingLayer; blocks are recomputed by hrmlab.models.recomputing, which knows no transformers: "
    "test_hf_arms.py counts the runs of every block and compares gradients"
)
_COMPILE = "compiles generate as one graph, which is not offered (_can_compile_fullgraph is False)"
_RECORDER = "is of models that record hidden states with transformers' own decorators; see hugging_face/inside.py"

OF_MODELS: dict[str, str] = {
    "test_attn_implementation_composite_models": _COMPOSITE,
    "test_can_capture_specific_layers_hidden_states": _RECORDER,
    "test_can_load_from_already_mapped_keys": _CONVERSION,
    "test_can_load_ignoring_mismatched_shapes": _CLASSIFIER,
    "test_can_load_with_device_context_manager": _GPU,
    "test_can_load_with_global_device_set": _GPU,
    "test_can_set_attention_dynamically_composite_model": _COMPOSITE,
    "test_capture_outputs_decorator": _RECORDER,
    "test_cpu_offload": _GPU,
    "test_disk_offload_bin": _GPU,
    "test_disk_offload_safetensors": _GPU,
    "test_eager_matches_batched_and_grouped_inference_0_fp16": _EXPERTS,
    "test_eager_matches_batched_and_grouped_inference_1_fp32": _EXPERTS,
    "test_eager_matches_batched_and_grouped_inference_2_bf16": _EXPERTS,
    "test_encoder_decoder_loss_no_double_shift": _ENCODER,
    "test_flash_attn_2_can_compile_with_attention_mask_None_without_graph_break": _FLASH,
    "test_flash_attn_2_can_dispatch_composite_models": _FLASH,
    "test_flash_attn_2_fp32_ln": _FLASH,
    "test_flash_attn_2_from_config": _FLASH,
    "test_flash_attn_2_inference_equivalence": _FLASH,
    "test_flash_attn_2_inference_equivalence_right_padding": _FLASH,
    "test_flash_attn_3_can_dispatch_composite_models": _FLASH,
    "test_flash_attn_3_from_config": _FLASH,
    "test_flash_attn_3_inference_equivalence": _FLASH,
    "test_flash_attn_3_inference_equivalence_right_padding": _FLASH,
    "test_flash_attn_4_can_dispatch_composite_models": _FLASH,
    "test_flash_attn_4_from_config": _FLASH,
    "test_flash_attn_4_inference_equivalence": _FLASH,
    "test_flash_attn_4_inference_equivalence_right_padding": _FLASH,
    "test_flash_attn_kernels_inference_equivalence": _FLASH,
    "test_flash_attn_kernels_mps_inference_equivalence": _FLASH,
    "test_flex_attention_with_grads": "needs a GPU and flex attention, which is not offered",
    "test_format_of_can_record_outputs": _RECORDER,
    "test_get_audio_features_attentions": _FEATURES,
    "test_get_audio_features_hidden_states": _FEATURES,
    "test_get_audio_features_output_0": _FEATURES,
    "test_get_audio_features_output_1": _FEATURES,
    "test_get_audio_features_output_2": _FEATURES,
    "test_get_image_features_attentions": _FEATURES,
    "test_get_image_features_hidden_states": _FEATURES,
    "test_get_image_features_output_0": _FEATURES,
    "test_get_image_features_output_1": _FEATURES,
    "test_get_image_features_output_2": _FEATURES,
    "test_get_image_features_pooler_output": _FEATURES,
    "test_get_text_features_attentions": _FEATURES,
    "test_get_text_features_hidden_states": _FEATURES,
    "test_get_text_features_output_0": _FEATURES,
    "test_get_text_features_output_1": _FEATURES,
    "test_get_text_features_output_2": _FEATURES,
    "test_get_video_features_attentions": _FEATURES,
    "test_get_video_features_hidden_states": _FEATURES,
    "test_get_video_features_output_0": _FEATURES,
    "test_get_video_features_output_1": _FEATURES,
    "test_get_video_features_output_2": _FEATURES,
    "test_get_video_features_pooler_output": _FEATURES,
    "test_gradient_checkpointing_enable_disable": _CHECKPOINTING,
    "test_inputs_embeds": _EMBEDDINGS,
    "test_inputs_embeds_matches_input_ids": _EMBEDDINGS,
    "test_internal_model_config_and_subconfig_are_same": _COMPOSITE,
    "test_keep_in_fp32_modules": _FLOAT32,
    "test_keep_in_fp32_modules_exist": _FLOAT32,
    "test_keep_in_fp32_modules_strict_also_hardcode_fp32": _FLOAT32,
    "test_kernels_can_load_without_crashing": _EXTRA,
    "test_load_with_mismatched_shapes": _CLASSIFIER,
    "test_model_forward_default_config_values": "is of base models, without a head",
    "test_model_parallelism": _GPU,
    "test_model_rope_scaling_from_config_0_linear": _ROTARY,
    "test_model_rope_scaling_from_config_1_dynamic": _ROTARY,
    "test_model_rope_scaling_from_config_2_yarn": _ROTARY,
    "test_model_rope_scaling_frequencies": _ROTARY,
    "test_model_rope_with_partial_rotation": _ROTARY,
    "test_moe_models_record_router_logits": _EXPERTS,
    "test_multimodal_outputs_are_returned": _FEATURES,
    "test_num_layers_is_small": "holds a test's own model to two layers; here each layer counts once for every cycle and segment",
    "test_output_router_logits_from_config": _EXPERTS,
    "test_problem_types": _CLASSIFIER,
    "test_resize_embeddings_untied_with_deepspeed": _EXTRA,
    "test_resize_embeddings_untied_with_deepspeed_multi_gpu": _EXTRA,
    "test_resize_position_vector_embeddings": "lengthens the table of positions; a row's length is a fact of the reasoner's task",
    "test_resize_tokens_embeddings_with_deepspeed": _EXTRA,
    "test_resize_tokens_embeddings_with_deepspeed_multi_gpu": _EXTRA,
    "test_reverse_loading_mapping": _CONVERSION,
    "test_save_load_keys_to_ignore_on_save": "is of models that leave weights out of their files",
    "test_sdpa_can_compile_dynamic": _GPU,
    "test_sdpa_can_dispatch_composite_models": _COMPOSITE,
    "test_sdpa_can_dispatch_on_flash": _GPU,
    "test_sliding_window_mask": "is of sliding windows",
    "test_torch_compile_for_training": _GPU,
    "test_torch_save_load": "is of classes that AutoModel knows: base models, without a head",
    "test_tp_plan_matches_params": "is of tensor parallelism, which is not offered",
    "test_tied_weights_are_sharded_together": "is of tensor parallelism, which is not offered",
    "test_training_gradient_checkpointing": _CHECKPOINTING,
    "test_training_gradient_checkpointing_use_reentrant_false": _CHECKPOINTING,
    "test_training_gradient_checkpointing_use_reentrant_true": _CHECKPOINTING,
    "test_vision_axial_rope": _FEATURES,
}
"""Of ModelTesterMixin."""

_WRAPPER = "is no test: a decorator left it beside the cases that bear the same name and a number"

OF_WRITING: dict[str, str] = {
    "test_assisted_decoding_matches_greedy_search": _WRAPPER,
    "test_custom_4d_attention_mask": _POSITIONS,
    "test_eager_matches_fa2_generate": _FLASH,
    "test_eager_matches_fa3_generate": _FLASH,
    "test_eager_matches_fa4_generate": _FLASH,
    "test_eager_padding_matches_padding_free_with_position_ids": _POSITIONS,
    "test_flash_attention_2_continue_generate_with_position_ids": _FLASH,
    "test_flash_attention_2_padding_matches_padding_free_with_position_ids": _FLASH,
    "test_flash_attention_2_padding_matches_padding_free_with_position_ids_and_fa_kwargs": _FLASH,
    "test_flash_attention_3_padding_matches_padding_free_with_position_ids": _FLASH,
    "test_flash_attention_3_padding_matches_padding_free_with_position_ids_and_fa_kwargs": _FLASH,
    "test_flash_attention_4_padding_matches_padding_free_with_position_ids": _FLASH,
    "test_flash_attention_4_padding_matches_padding_free_with_position_ids_and_fa_kwargs": _FLASH,
    "test_generate_compilation_all_outputs": _COMPILE,
    "test_generate_compile_model_forward_fullgraph": _COMPILE,
    "test_generate_continue_from_inputs_embeds": _EMBEDDINGS,
    "test_generate_from_inputs_embeds": _WRAPPER,
    "test_generate_from_inputs_embeds_0_greedy": _EMBEDDINGS,
    "test_generate_from_inputs_embeds_1_beam_search": _EMBEDDINGS,
    "test_generate_from_inputs_embeds_with_static_cache": _EMBEDDINGS,
    "test_generate_from_random_inputs_embeds": _EMBEDDINGS,
    "test_generate_with_and_without_position_ids": _POSITIONS,
    "test_generate_with_mtp": "is of models that predict several tokens at once",
    "test_generate_with_quant_cache": _EXTRA,
    "test_model_parallel_beam_search": _GPU,
    "test_prompt_lookup_decoding_matches_greedy_search": "never runs, its decorator lacks parentheses; test_hf_library.py does the same",
    "test_recurrent_layers_mask_padding_on_continued_forward": "is of caches of recurrent layers",
    "test_sdpa_padding_matches_padding_free_with_position_ids": _POSITIONS,
    "test_static_cache_no_recompile_with_smaller_length": _COMPILE,
}
"""Of GenerationTesterMixin, as of transformers 5.16."""
