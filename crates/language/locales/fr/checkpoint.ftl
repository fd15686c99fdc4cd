# French, by hand; the ids are those of locales/en.
baseline-comparing-with-the-baseline = comparaison avec la référence
baseline-the-baseline-is-of-another-model-of = la référence est celle d'un autre modèle (tenseurs ayant un homologue de même nom et de même forme : { $pairs } sur { $a })
baseline-elements-of-tensors-of-the-same-name = éléments des tenseurs de même nom et de même forme, rapportés à ceux du plus grand des deux fichiers ; noms sans module., model., _orig_mod
baseline-tensors-here-in-the-baseline = { $a } tenseurs ici, { $b } dans la référence
baseline-hand-in-a-checkpoint-of-the-same = fournir un point de sauvegarde du même modèle
baseline-what-has-no-counterpart-cannot-be-said = sans homologue, on ne peut pas parler de changement
baseline-and-more = { $more ->
    [one] { $first } et { $more } autre
   *[other] { $first } et { $more } autres
}
baseline-all-tensors-are-those-of-the-baseline = tous les tenseurs ({ $a }) sont ceux de la référence, bit pour bit : rien n'a été appris entre les deux
baseline-of-tensors-changed-since-the-baseline-in = tenseurs modifiés depuis la référence : { $a } sur { $b }, de { $c } en médiane ; les plus modifiés : { $d }
baseline-tensors-never-moved-frozen-or-without-a = tenseurs qui n'ont jamais bougé ({ $a }) : { $b } ; gelés, ou sans gradient
baseline-in-the-checkpoint = dans le point de sauvegarde
baseline-in-the-baseline = dans la référence
baseline-change-since-the-baseline-per-layer = changement par couche depuis la référence
baseline-relative-change = changement relatif
dtypes-has-floating-types-in-different-layers = `{ $name }` a { $a } types flottants différents selon les couches
dtypes-float-and-bfloat-stand-in-one-file = float16 et bfloat16 coexistent dans un même fichier
dtypes-matrices-grouped-by-name-without-layer-numbers = matrices regroupées par nom, sans les numéros de couche
dtypes-cast-the-whole-model-to-one-type = convertir tout le modèle en un seul type avant de le sauvegarder
dtypes-an-operation-on-two-types-fails-or = une opération entre deux types échoue, ou convertit sans le dire, aux dépens de la vitesse ou de la précision
dtypes-model-to-torch-bfloat-then-check-p = model.to(torch.bfloat16), puis vérifier { "{" }p.dtype for p in model.parameters(){ "}" }
dtypes-look-for-a-merge-of-adapters-or = rechercher une fusion d'adaptateurs ou de fragments (shards) sauvegardés dans un autre type
duplicates-and-hold-the-same-bytes = `{ $a }` et `{ $b }`{ $c } contiennent les mêmes octets
duplicates-bytes-compared-whole = octets comparés intégralement
duplicates-of-each = de chacun
duplicates-check-the-mapping-of-names-in-the = vérifier la correspondance des noms dans le code qui a converti ou construit ce fichier
duplicates-layers-that-were-trained-apart-never-agree = des couches entraînées séparément ne coïncident jamais au bit près
duplicates-copy-deepcopy-a-layer-for-every-position = copier la couche par copy.deepcopy à chaque position, au lieu d'ajouter plusieurs fois le même objet
duplicates-if-depth-was-doubled-on-purpose-train = si la profondeur a été doublée exprès, poursuivre l'entraînement : les copies doivent se différencier
duplicates-and-more = et { $a } de plus
duplicates-and-are-tied-and-stored-twice = `{ $a }` et `{ $b }` sont liés, et enregistrés deux fois
duplicates-bytes-compared-whole-all-but-one-copy = octets comparés intégralement ; toutes les copies sauf une
duplicates-save-one-of-them-and-tie-at = n'en sauvegarder qu'un et les lier au chargement ({ $a } Mo de moins)
duplicates-two-copies-drift-apart-at-the-next = si rien ne les lie, les deux copies divergent dès le prochain pas d'entraînement
duplicates-tie-word-embeddings-true-in-the-configuration = tie_word_embeddings: true dans la configuration, et sauvegarder avec save_pretrained ou avec le save_model de safetensors
gain-has-weights-times-as-large-as-usual = les poids de `{ $a }` valent { $b } fois la grandeur habituelle
gain-root-mean-square-of-the-weights-times = moyenne quadratique des poids, multipliée par la racine carrée du nombre d'entrées d'un neurone
gain-the-same-median-over-the-matrices-of = la même grandeur, en médiane sur les matrices du fichier
gain-largest-magnitude = plus grande valeur absolue
gain-go-back-to-a-checkpoint-before-the = revenir à un point de sauvegarde antérieur à la croissance des poids, et baisser le taux d'apprentissage ou écrêter les gradients
gain-outputs-of-this-layer-drown-everything-else = les sorties de cette couche écrasent tout le reste, et le pas suivant peut provoquer un dépassement de capacité
gain-plot-this-layer-s-norm-over-checkpoints = tracer la norme de cette couche au fil des points de sauvegarde : le pas où elle s'écarte des autres désigne la cause
gain-weight-decay-of-keeps-norms-from-drifting = une dégradation des poids (weight decay) de 0.01 empêche les normes de dériver
header-the-header-takes-mb-for-tensors = l'en-tête occupe { $a } Mo pour { $b } tenseurs
header-the-file-s-first-eight-bytes = les huit premiers octets du fichier
header-header-over-tensors = en-tête rapporté au nombre de tenseurs
header-free-text-in-metadata = texte libre de __metadata__
header-keep-what-is-no-tensor-out-of = ne mettre dans l'en-tête que ce qui décrit les tenseurs : la configuration et le vocabulaire ont leur place dans des fichiers à part
header-every-reader-parses-it-whole-before-the = tout lecteur l'analyse en entier avant le premier poids
optimizer-training-cannot-go-on-from-this-checkpoint = l'entraînement ne peut pas reprendre à l'identique à partir de ce point de sauvegarde : l'état de l'optimiseur n'y figure pas
optimizer-training-cannot-go-on-from-this-checkpoint-2 = l'entraînement ne peut pas reprendre à l'identique à partir de ce point de sauvegarde : l'état de l'optimiseur est vide
optimizer-parameters-that-the-optimizer-keeps-state-for = paramètres pour lesquels l'optimiseur conserve un état
optimizer-keys-of-the-file = clés du fichier : { $a }
optimizer-what-the-file-says-of-itself = ce que le fichier déclare dans ses métadonnées
optimizer-save-the-optimizer-the-scheduler-and-the = sauvegarder avec les poids l'optimiseur, le planificateur (scheduler) et le facteur d'échelle de la perte (loss scaler)
optimizer-without-its-moments-adam-s-first-steps = privé de ses moments, Adam fait d'abord des pas aussi brutaux qu'au départ, et le programme du taux d'apprentissage recommence à zéro
optimizer-lightning-modelcheckpoint-save-weights-only-false-torch = Lightning : ModelCheckpoint(save_weights_only=False) ; torch : { "{" }"model": ..., "optimizer": optimizer.state_dict(), ...{ "}" }
optimizer-if-the-file-is-to-predict-with = si le fichier doit servir à prédire et non à reprendre l'entraînement, ne pas y mettre epoch ni step
precision-crowds-at-the-largest-value-float-has = a des valeurs massées contre la plus grande que float16 puisse représenter
precision-values-within-a-factor-of-two-of = valeurs à moins d'un facteur deux de 65504, ou égales à cette borne
precision-lies-where-float-loses-its-digits = se situe là où float16 perd ses chiffres significatifs
precision-non-zero-values-below-e = valeurs non nulles inférieures à 6.1e-5
precision-share-of-values = part des valeurs
precision-values-of-exactly-in-magnitude = valeurs égales, en valeur absolue, à 65504 exactement
precision-convert-again-from-the-bit-weights-to = refaire la conversion à partir des poids en 32 bits, vers bfloat16
precision-what-was-cut-off-is-not-in = ce qui a été tronqué n'est plus dans ce fichier
precision-compare-outputs-of-both-files-on-a = comparer les sorties des deux fichiers sur quelques centaines de lignes avant le déploiement
precision-every-bit-matrix-holds-bit-values-the = chaque matrice en 32 bits ne contient que des valeurs de 16 bits : le fichier est une copie élargie
precision-float-matrices-of-which-every-value-has = matrices float32 dont toutes les valeurs ont leurs 16 bits de poids faible à zéro, et que bfloat16 représente donc exactement
precision-keep-it-as-bfloat-half-the-size = le conserver en bfloat16 : moitié moins de place, mêmes valeurs
precision-digits-that-were-dropped-do-not-come = élargir ne fait pas revenir les chiffres perdus
precision-if-training-goes-on-from-here-start = si l'entraînement doit se poursuivre à partir d'ici, repartir plutôt des poids en pleine précision
quantization-has-no-scales-beside-it = n'est accompagné d'aucune échelle
quantization-has-columns-its-scales = a { $out } colonnes, et ses échelles { $columns }
quantization-of-its-scales-are-zero-the-first = { $zero ->
    [one] a { $zero } échelle nulle sur { $a }, à l'indice { $b }
   *[other] a { $zero } échelles nulles sur { $a }, la première à l'indice { $b }
}
quantization-is-quantised-and = `{ $a }` est quantifié et { $b }
quantization-integer-matrices-against-the-scales-of-the = matrices d'entiers confrontées aux échelles de la même couche : présentes, de forme compatible, non nulles
quantization-quantise-the-model-again-with-one-version = quantifier de nouveau le modèle avec une seule version d'une seule bibliothèque, et sauvegarder tous ses tenseurs
quantization-integers-without-their-scales-are-no-weights = des entiers sans leurs échelles ne sont pas des poids ; la couche calcule n'importe quoi ou ne se charge pas
quantization-load-it-with-the-library-that-wrote = le charger avec la bibliothèque qui l'a écrit, déquantifier une couche et la comparer à l'original
rank-has-about-directions-of-that-it-could = `{ $a }` n'a qu'environ { $rank } directions sur les { $side } possibles
rank-exponential-of-the-entropy-of-the-singular = exponentielle de l'entropie des valeurs singulières, rapportée au côté du bloc ; plus d'un demi pour une matrice aléatoire
rank-by-evenly-spaced-rows-and-columns-of = bloc de { $side } sur { $a }, à lignes et colonnes régulièrement espacées, d'une matrice de { $rows } sur { $columns }
rank-of-the-same-block = pour le même bloc
rank-squared-frobenius-norm-over-the-squared-largest = carré de la norme de Frobenius rapporté au carré de la plus grande valeur singulière, pour le même bloc
rank-train-this-layer-again-from-an-earlier = réentraîner cette couche à partir d'une sauvegarde antérieure, avec une dégradation des poids (weight decay) moindre ou un taux d'apprentissage plus bas
rank-whatever-comes-in-leaves-along-a-few = quelle que soit l'entrée, la sortie ne suit que quelques directions, et les couches suivantes ne peuvent plus distinguer les entrées
rank-compare-the-same-number-in-earlier-checkpoints = comparer ce nombre à celui des points de sauvegarde antérieurs : s'il baisse régulièrement, l'entraînement en est la cause ; s'il est bas dès le départ, c'est l'initialisation
rank-if-it-is-meant-a-factored-layer = si c'est voulu (couche factorisée), l'indiquer dans son nom ou enregistrer les facteurs
shapes-has-values-for-a-weight-of-shape = `{ $a }` a { $b } valeurs pour un poids de forme { $c }
shapes-shapes-as-the-file-states-them = formes telles que le fichier les déclare
shapes-shape-as-the-file-states-it = forme telle que le fichier la déclare
shapes-find-the-code-that-resized-one-and = trouver le code qui a redimensionné l'un sans l'autre, et refaire la sauvegarde
shapes-loading-fails-or-broadcasts-to-something-nobody = le chargement échoue, ou une diffusion (broadcasting) produit ce que personne n'a voulu
shapes-model-load-state-dict-state-strict-true = model.load_state_dict(state, strict=True) nomme chaque tenseur qui ne convient pas
untrained-all-matrices-of-the-model-are-as = { $matrices ->
    [one] la matrice du modèle est telle qu'à l'initialisation : il n'a jamais été entraîné
   *[other] les { $matrices } matrices du modèle sont toutes telles qu'à l'initialisation : il n'a jamais été entraîné
}
untrained-hand-this-layer-s-parameters-to-the = passer les paramètres de cette couche à l'optimiseur, et vérifier qu'elle reçoit des gradients
untrained-it-holds-what-was-drawn-at-random = elle contient ce qui a été tiré au hasard, et non ce qui a été appris
untrained-load-the-weights-with-strict-true-without = charger les poids avec strict=True : sans cela, les noms qui ne correspondent pas restent en silence à leur valeur de départ
untrained-compare-with-the-pretrained-file-this-model = comparer avec le fichier préentraîné dont ce modèle aurait dû partir
untrained-is-as-pytorch-initialises-it-it-was = `{ $a }` est tel que PyTorch l'initialise : il n'a pas été entraîné
untrained-largest-magnitude-over-sqrt-inputs-the-bound = plus grande valeur absolue rapportée à 1 / sqrt(inputs), la borne de l'initialisation par défaut
untrained-standard-deviation-over-that-of-a-uniform = écart-type rapporté à celui d'un tirage uniforme ; à { $a } % près
untrained-kolmogorov-smirnov-distance-to-the-uniform-distribution = distance de Kolmogorov-Smirnov à la loi uniforme, comparée à sa valeur critique à 1 %
untrained-is-exactly-one-and-its-bias-exactly = `{ $a }` vaut exactement un et son biais exactement zéro : aucun pas ne l'a fait bouger
untrained-every-element-read = tous les éléments lus
files-the-folder-holds-no-model-file-safetensors = le dossier ne contient aucun fichier de modèle (safetensors, bin, pt, ckpt, gguf, onnx, keras)
files-the-index-names-the-shard-which-was = l'index nomme le fragment (shard) { $shard }, qui n'a pas été fourni ; fournir le dossier qui les contient tous
files-the-index-puts-tensor-into-it-lies = l'index place le tenseur { $tensor } dans { $file }, mais il se trouve dans { $found }
files-the-index-names-tensor-in-which-does = l'index annonce le tenseur { $tensor } dans { $file }, qui ne le contient pas
all-reading-checkpoint = lecture du point de sauvegarde
all-no-tensor-of-this-file-could-be = aucun tenseur de ce fichier n'a pu être lu ; les poids n'ont donc pas été examinés
all-the-file-says-of-itself = métadonnées du fichier { $a } : { $b }
all-the-checkpoint-contradicts-itself-in-place = le point de sauvegarde se contredit en { $many } endroit{ $a }
all-tensor-shapes-offsets-and-storages-checked-against = formes, décalages (offsets) et stockages des tenseurs confrontés à la taille du fichier
all-length-of-the-file = taille du fichier
all-save-the-checkpoint-again-or-take-the = refaire le point de sauvegarde, ou prendre le précédent
all-loading-it-fails-or-gives-wrong-weights = son chargement échoue ou donne des poids erronés : { $first }
all-the-model-does-more-than-compute = le modèle ne fait pas que calculer : { $a }
all-lambda-layers-and-functions-of-a-keras = couches Lambda et fonctions d'une configuration Keras ; opérateurs de domaines inconnus et données externes hors du dossier d'un modèle ONNX ; rien n'est exécuté
all-do-not-load-it-unless-you-know = ne pas le charger sans savoir qui l'a écrit et pourquoi cette partie s'y trouve
all-code-runs-and-foreign-paths-are-read = du code s'exécute, et des chemins extérieurs sont lus, au chargement ou à l'appel du modèle
all-keras-replace-the-lambda-by-a-registered = Keras : remplacer la Lambda par une classe de couche enregistrée, et laisser safe_mode activé
all-onnx-onnx-checker-check-model-path-refuses = ONNX : onnx.checker.check_model(path) refuse les données externes hors du dossier
all-the-request-describes-a-model-of-type = la requête décrit un modèle de type { $model } et ne contient pas de poids ; fournir son fichier pour qu'ils soient examinés
all-the-task-is-given-as-classification-and = la tâche déclarée est la classification, or le modèle est un { $model } ; les résultats sont ceux d'une régression
all-the-request-holds-no-weights = la requête ne contient pas de poids
all-the-model-s-description = la description du modèle { $error }
pickle-safety-loading-the-checkpoint-imports-code-of-its = le chargement du point de sauvegarde importe du code qui lui est propre, comme `{ $a }`
pickle-safety-loading-the-checkpoint-would-run = le chargement du point de sauvegarde exécuterait `{ $a }`
pickle-safety-pickle-opcodes-read-nothing-executed-names-outside = opcodes du pickle lus, rien n'est exécuté ; noms absents de la liste autorisée pour reconstruire les tenseurs
pickle-safety-opcode-at-byte-of-the-pickle = opcode à l'octet { $a } du pickle, { $b }
pickle-safety-called-with-what-cannot-be-read-here = appelé avec des arguments illisibles ici
pickle-safety-not-called = non appelé
pickle-safety-distinct-names = noms distincts
pickle-safety-save-the-weights-alone-as-safetensors = sauvegarder les poids seuls, au format safetensors
pickle-safety-do-not-load-this-file-find-out = ne pas charger ce fichier ; chercher d'où il vient
pickle-safety-a-pickle-is-a-program-whoever-writes = un pickle est un programme : qui écrit le fichier choisit ce qui s'exécute là où on le charge
pickle-safety-load-foreign-files-with-torch-load-path = charger les fichiers venus d'ailleurs avec torch.load(path, weights_only=True)
tensors-reading-tensors = lecture des tenseurs
tensors-the-table-shows-of-tensors-all-were = le tableau montre { $layers } tenseurs sur { $a } ; tous ont été lus
tensors-comparing-layers = comparaison des couches
tensors-further-layers-show = { $a ->
    [one] { $a } autre couche présente { $code }
   *[other] { $a } autres couches présentent { $code }
}
tensors-weight-norm-per-layer = norme des poids par couche
tensors-of-shape-file-bytes-to = { $a } de forme { $b }, octets { $c } à { $d } du fichier
tensors-holds-values-that-are-not-finite = `{ $a }` contient { $count ->
    [one] { $count } valeur non finie
   *[other] { $count } valeurs non finies
}
tensors-nan-and-infinite-elements-over-all = éléments NaN et infinis rapportés à l'ensemble
tensors-first-at-element = premier à l'élément { $a }
tensors-go-back-to-the-last-checkpoint-whose = revenir au dernier point de sauvegarde dont tous les poids sont finis
tensors-every-output-that-passes-this-layer-is = toute sortie qui traverse cette couche vaut NaN, et poursuivre l'entraînement n'y changera rien
tensors-all-torch-isfinite-p-all-for-p = all(torch.isfinite(p).all() for p in model.parameters()) avant chaque sauvegarde
tensors-find-what-diverged-lower-the-learning-rate = trouver ce qui a divergé : baisser le taux d'apprentissage, écrêter les gradients, garder la perte en fp32
tensors-all-units-of-have-equal-weights = les { $a } neurones de `{ $b }` ont tous les mêmes poids
tensors-largest-difference-of-any-row-from-the = plus grand écart d'une ligne à la première, rapporté à la plus grande valeur absolue
tensors-rows-of-the-matrix = lignes de la matrice
tensors-initialise-with-random-weights-and-train-again = initialiser avec des poids aléatoires et réentraîner
tensors-equal-units-get-equal-gradients-and-stay = des neurones égaux reçoivent des gradients égaux et restent égaux : la couche se comporte comme un seul neurone
tensors-of-of-are-exactly-zero = { $dead } { $what } sur { $of } dans `{ $a }` valent exactement zéro
tensors-rows-with-every-element-exactly = lignes dont tous les éléments valent exactement 0
tensors-columns-with-every-element-exactly = colonnes dont tous les éléments valent exactement 0
tensors-the-larger-of-both-over-its-total = le plus grand des deux nombres, chacun rapporté à son total
tensors-prune-these-units-or-find-out-why = élaguer ces neurones, ou chercher pourquoi rien ne les atteint
tensors-they-take-memory-and-time-and-carry = ils prennent de la mémoire et du temps et ne transmettent rien
tensors-check-for-an-input-that-is-always = rechercher une entrée qui vaut toujours 0, un masque, ou un élagage resté inachevé
