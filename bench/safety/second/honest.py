"""Honest files of further estimators, types and older versions.

    python honest.py files|old|torch FOLDER       # with the libraries of that environment
"""
import sys,os; sys.dont_write_bytecode=True; sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
os.environ["KERAS_BACKEND"]="jax"
import warnings; warnings.simplefilter("ignore")
from opcodes import Files
import pickle,io,json,collections,datetime,random,pathlib,array,enum,decimal,re,functools,operator,string
mode=sys.argv[1]
import tempfile; TMP=tempfile.mkdtemp()
F=Files(sys.argv[2])
def add(f,d,cat,t,opt=False): F.add(f,d,category=cat,technique=t,source=SRC,optional=opt,refused=False,hostile=False)
def tri(f,fn,cat,t,opt=False):
    try: add(f,fn(),cat,t,opt)
    except Exception as e: print("skip",f,type(e).__name__,str(e)[:100])
import numpy as np
rng=np.random.default_rng(1); X=rng.normal(size=(80,4)); y=(X[:,0]>0).astype(int); yr=X[:,0]*2+rng.normal(size=80)*.1
if mode in("files","old"):
    import sklearn, joblib, pandas as pd, scipy
    SRC="scikit-learn "+sklearn.__version__+", numpy "+np.__version__+", pandas "+pd.__version__
    from sklearn import *
    import sklearn.linear_model as lm, sklearn.ensemble as en, sklearn.svm as svm, sklearn.neural_network as nn, sklearn.neighbors as nb, sklearn.model_selection as ms, sklearn.preprocessing as pp, sklearn.pipeline as pl, sklearn.compose as co, sklearn.feature_extraction.text as tx, sklearn.decomposition as dc, sklearn.cluster as cl, sklearn.gaussian_process as gp, sklearn.gaussian_process.kernels as K, sklearn.multiclass as mc, sklearn.multioutput as mo, sklearn.feature_selection as fs, sklearn.semi_supervised as ss, sklearn.random_projection as rp, sklearn.covariance as cv, sklearn.kernel_ridge as kr, sklearn.tree as tr, sklearn.naive_bayes as nbv, sklearn.calibration as ca, sklearn.metrics as mt, sklearn.inspection as ins
    E={"gridsearch":(ms.GridSearchCV(svm.SVC(),{"C":[1,2]},cv=2,scoring="f1"),y),"randomsearch":(ms.RandomizedSearchCV(lm.Ridge(),{"alpha":scipy.stats.loguniform(1e-3,1)},n_iter=2,cv=2,random_state=0),yr),
    "mlp_sgd":(nn.MLPRegressor((5,),solver="sgd",max_iter=20,early_stopping=True),yr),"mlp_lbfgs":(nn.MLPClassifier((5,),solver="lbfgs",max_iter=20),y),
    "gpr":(gp.GaussianProcessRegressor(K.RBF()+K.WhiteKernel()*K.RationalQuadratic()),yr),"gpc":(gp.GaussianProcessClassifier(K.Matern()),y),"ovr":(mc.OneVsRestClassifier(svm.LinearSVC()),y),"ecoc":(mc.OutputCodeClassifier(lm.LogisticRegression()),y),"chain":(mo.RegressorChain(lm.Ridge()),np.c_[yr,yr]),
    "rfecv":(fs.RFECV(lm.LogisticRegression(),cv=2),y),"select_f":(fs.SelectKBest(fs.f_classif,k=2),y),"select_mi":(fs.SelectPercentile(fs.mutual_info_regression),yr),"select_model":(fs.SelectFromModel(lm.Lasso(.01)),yr),
    "selftrain":(ss.SelfTrainingClassifier(lm.LogisticRegression()),y),"labelspread":(ss.LabelSpreading(),y),"ransac":(lm.RANSACRegressor(),yr),"theil":(lm.TheilSenRegressor(),yr),"bayes":(lm.BayesianRidge(),yr),"ard":(lm.ARDRegression(),yr),"perceptron":(lm.Perceptron(),y),"pa":(lm.SGDClassifier(loss="hinge",penalty=None),y),"tweedie":(lm.TweedieRegressor(power=0),yr),
    "lars":(lm.LassoLarsIC(),yr),"omp":(lm.OrthogonalMatchingPursuitCV(cv=2),yr),"knnr":(nb.KNeighborsRegressor(metric="minkowski",p=3,algorithm="kd_tree"),yr),"knn_haversine":(nb.NearestNeighbors(metric="cosine"),y),"nearestcentroid":(nb.NearestCentroid(),y),"lof":(nb.LocalOutlierFactor(novelty=True,metric="euclidean"),y),
    "nusvc":(svm.NuSVC(kernel="poly"),y),"oneclass":(svm.OneClassSVM(),y),"kmeans":(cl.MiniBatchKMeans(2),y),"dbscan":(cl.DBSCAN(),y),"birch":(cl.Birch(n_clusters=2),y),"spectral":(cl.AgglomerativeClustering(),y),"optics":(cl.OPTICS(),y),"bisect":(cl.BisectingKMeans(2),y),"featagg":(cl.FeatureAgglomeration(2),y),
    "fastica":(dc.FastICA(2,max_iter=50),y),"nmf":(dc.TruncatedSVD(2),y),"kpca":(dc.KernelPCA(2,kernel="rbf"),y),"dict":(dc.DictionaryLearning(2,max_iter=3),y),"ipca":(dc.IncrementalPCA(2),y),"fa":(dc.FactorAnalysis(2),y),"elliptic":(cv.EllipticEnvelope(),y),"glasso":(cv.GraphicalLassoCV(),y),"mincov":(cv.LedoitWolf(),y),
    "krr":(kr.KernelRidge(kernel="rbf"),yr),"embedding":(en.RandomTreesEmbedding(3),y),"stackreg":(en.StackingRegressor([("a",lm.Ridge()),("b",tr.DecisionTreeRegressor())],cv=2),yr),"votingreg":(en.VotingRegressor([("a",lm.Ridge())]),yr),"gbq":(en.GradientBoostingRegressor(loss="quantile",n_estimators=3,init=lm.Ridge()),yr),"histq":(en.HistGradientBoostingRegressor(loss="quantile",quantile=.5,max_iter=3),yr),"adar":(en.AdaBoostRegressor(n_estimators=2),yr),"bagr":(en.BaggingRegressor(n_estimators=2),yr),
    "calib_iso":(ca.CalibratedClassifierCV(method="isotonic",cv=2),y),"bernoulli":(nbv.BernoulliNB(),y),"complement":(nbv.CategoricalNB(),y),"srp":(rp.SparseRandomProjection(2),y),"funtrans":(pl.make_pipeline(pp.FunctionTransformer(np.abs),lm.Ridge()),np.abs(yr)),"union":(pl.make_pipeline(pl.make_union(pp.PolynomialFeatures(2),pp.SplineTransformer()),lm.Ridge()),yr),"power":(pl.make_pipeline(pp.PowerTransformer(),pp.QuantileTransformer(n_quantiles=10),pp.RobustScaler(),pp.Normalizer(),lm.Ridge()),yr),"target":(co.TransformedTargetRegressor(lm.Ridge(),func=np.exp,inverse_func=np.log,check_inverse=False),yr),"scorer":(ms.GridSearchCV(lm.Ridge(),{"alpha":[1]},cv=ms.ShuffleSplit(2),scoring=mt.make_scorer(mt.mean_absolute_error,greater_is_better=False)),yr)}
    import sys as _s
    sel=E if mode=="files" else {k:E[k] for k in("gridsearch","gpr","mlp_sgd","knnr","gbq","histq","calib_iso","funtrans","select_f","scorer","kmeans","union","optics","birch","rfecv","adar")}
    for k,(e,t) in sel.items():
        ext=("pkl","joblib")[len(k)%2]
        def mk():
            XX=X if k!="complement" else (X>0).astype(int)
            e.fit(XX,t); b=io.BytesIO()
            if ext=="pkl": pickle.dump(e,b,protocol=2+len(k)%4)
            else: joblib.dump(e,b)
            return b.getvalue()
        tri(f"sk_{k}.{ext}",mk,"scikit-learn","fitted "+k)
    txt=["a cat sat","the dog ran","a dog sat"]*3
    tri("sk_text_hash.pkl",lambda:pickle.dumps(pl.make_pipeline(tx.HashingVectorizer(n_features=32),tx.TfidfTransformer(),lm.SGDClassifier()).fit(txt,[0,1,1]*3)),"scikit-learn","hashing text pipeline")
    tri("sk_text_lower.pkl",lambda:pickle.dumps(tx.CountVectorizer(preprocessor=str.lower,tokenizer=str.split).fit(txt)),"scikit-learn","CountVectorizer with str.lower and str.split")
    df=pd.DataFrame({"a":[1.,2,None],"b":pd.Categorical(["x","y","x"]),"c":pd.to_datetime(["2020-01-01"]*3),"d":pd.to_timedelta([1,2,3],"D"),"e":["u","v",None]})
    tri("pd_frame.pkl",lambda:pickle.dumps(df),"pandas","frame of mixed columns")
    tri("pd_frame_p2.pkl",lambda:pickle.dumps(df,2),"pandas","the same in protocol 2")
    tri("pd_tz.pkl",lambda:pickle.dumps(df.c.dt.tz_localize("Europe/Berlin")),"pandas","series with a time zone")
    tri("pd_utc.pkl",lambda:pickle.dumps(df.c.dt.tz_localize("UTC")),"pandas","series in UTC")
    tri("pd_multi.pkl",lambda:pickle.dumps(df.set_index(["a","b"])),"pandas","MultiIndex")
    tri("pd_period.pkl",lambda:pickle.dumps(pd.Series(pd.period_range("2020",periods=3,freq="M"))),"pandas","periods")
    tri("pd_interval.pkl",lambda:pickle.dumps(pd.cut(pd.Series([1,2,3]),2)),"pandas","intervals")
    tri("pd_nullable.pkl",lambda:pickle.dumps(pd.DataFrame({"a":pd.array([1,None]),"b":pd.array([True,None]),"s":pd.array(["a",None],dtype="string")})),"pandas","nullable types")
    tri("pd_offset.pkl",lambda:pickle.dumps(pd.date_range("2020",periods=4,freq="BME" if pd.__version__>"2.2" else "BM")),"pandas","index with an offset")
    tri("pd_sparse.pkl",lambda:pickle.dumps(pd.DataFrame({"a":pd.arrays.SparseArray([0,0,1])})),"pandas","sparse column")
    tri("pd_timestamp.pkl",lambda:pickle.dumps([pd.Timestamp("2020-01-01",tz="UTC"),pd.Timedelta(1,"D"),pd.NaT,pd.NA,pd.Interval(0,1),pd.Period("2020-01")]),"pandas","scalars")
    tri("np_datetime.joblib",lambda:(lambda b:(joblib.dump({"a":np.array(["2020-01-01"],"M8[ns]"),"b":np.zeros(3,"m8[s]"),"c":np.zeros(2,[("a","f4"),("b","i2",(2,))])},b),b.getvalue())[1])(io.BytesIO()),"joblib","times and records")
    tri("np_mixed.joblib",lambda:(lambda b:(joblib.dump([np.array(["a","bb"]),np.array([b"x"]),np.array([None,1],object),np.asfortranarray(np.ones((3,2))),np.float16([1]),np.array(5),np.zeros((0,3)),np.ones(2,complex),np.ma.masked_array([1,2],[0,1])],b),b.getvalue())[1])(io.BytesIO()),"joblib","arrays of many kinds")
    for m in ("zlib","gzip","bz2","xz","lzma","lz4"):
        def cm():
            p=TMP+'/x.joblib'; joblib.dump({"w":np.arange(50.),"m":lm.Ridge().fit(X,yr)},p,compress=(m,3)); return open(p,'rb').read()
        tri(f"jl_{m}.joblib",cm,"joblib","compressed by "+m)
    def npy(a,**k): b=io.BytesIO(); np.save(b,a,**k); return b.getvalue()
    tri("np_times.npy",lambda:npy(np.array(["2020-01-01"],"M8[D]")),"numpy","dates"); tri("np_records.npy",lambda:npy(np.zeros(2,[("a","f4"),("b","M8[ns]"),("c","U5"),("d","i2",(2,2))])),"numpy","records"); tri("np_objects.npy",lambda:npy(np.array([{"a":1},None,datetime.date(2020,1,1)],object)),"numpy","objects")
    tri("np_wide.npy",lambda:npy(np.zeros(1,[(f"f{i}","f4") for i in range(3000)])),"numpy","three thousand fields"); tri("np_unicode_fields.npy",lambda:npy(np.zeros(1,[("größe","f4"),("名","i4")])),"numpy","unicode field names")
    for n in("MT19937","PCG64","PCG64DXSM","Philox","SFC64"): tri(f"np_rng_{n}.pkl",lambda:pickle.dumps(np.random.Generator(getattr(np.random,n)(1))),"numpy","generator "+n)
    tri("np_rng_state.pkl",lambda:pickle.dumps({"np":np.random.get_state(),"py":random.getstate(),"rs":np.random.RandomState(2)},2),"numpy","random states")
    tri("np_poly.pkl",lambda:pickle.dumps([np.poly1d([1,2]),np.polynomial.Chebyshev([1,2]),np.polynomial.Polynomial([1])]),"numpy","polynomials")
    tri("np_ufunc_dict.pkl",lambda:pickle.dumps({"log":np.log,"relu":np.maximum,"mean":np.mean,"sqrt":np.sqrt}),"numpy","dictionary of functions")
    tri("sp_interp.pkl",lambda:pickle.dumps([scipy.interpolate.CubicSpline([0,1,2],[0,1,4]),scipy.interpolate.PchipInterpolator([0,1,2],[0,1,4]),scipy.interpolate.RegularGridInterpolator(([0,1],[0,1]),np.eye(2)),scipy.interpolate.RBFInterpolator(X,yr)]) if __import__("scipy.interpolate") else 0,"scipy","interpolators")
    tri("sp_stats.pkl",lambda:pickle.dumps([scipy.stats.norm(0,1),scipy.stats.gaussian_kde(yr),scipy.stats.poisson(2),scipy.stats.multivariate_normal([0,0])]),"scipy","distributions")
    import scipy.spatial as spp
    tri("sp_spatial.pkl",lambda:pickle.dumps([spp.KDTree(X),spp.cKDTree(X),spp.transform.Rotation.from_euler("x",1)] if __import__("scipy.spatial.transform") else 0),"scipy","trees and rotations")
    tri("std_types.pkl",lambda:pickle.dumps([re.compile("a+"),decimal.Decimal(1),pathlib.Path("a/b"),array.array("f",[1]),collections.Counter("ab"),collections.deque([1],3),collections.defaultdict(int,a=1),collections.defaultdict(list),datetime.timezone.utc,frozenset([1]),1+2j,b"x",bytearray(b"y"),range(3),slice(1),...,NotImplemented,type(None)]),"standard library","types of the standard library")
    tri("std_defaultdict_nested.pkl",lambda:pickle.dumps(collections.defaultdict(functools.partial(collections.defaultdict,int),{"a":collections.defaultdict(int,b=1)})),"standard library","defaultdict of functools.partial (gensim, NLTK)")
    tri("std_string.pkl",lambda:pickle.dumps({"punct":string.punctuation,"len":len,"lower":str.lower,"key":operator.itemgetter(1)}),"standard library","len, str.lower, itemgetter")
    try:
        import xgboost as xg, lightgbm as lg
        tri("xgb_cls.pkl",lambda:pickle.dumps(xg.XGBClassifier(n_estimators=3).fit(X,y)),"boosting","XGBClassifier "+xg.__version__); tri("xgb_rank.joblib",lambda:(lambda b:(joblib.dump(xg.XGBRegressor(n_estimators=3,eval_metric="mae").fit(X,yr),b),b.getvalue())[1])(io.BytesIO()),"boosting","XGBRegressor")
        tri("lgb_cls.pkl",lambda:pickle.dumps(lg.LGBMClassifier(n_estimators=3,verbose=-1).fit(X,y)),"boosting","LGBMClassifier "+lg.__version__)
        tri("lgb_early.pkl",lambda:pickle.dumps(lg.LGBMRegressor(n_estimators=3,verbose=-1).fit(X,yr,eval_set=[(X,yr)],eval_metric="l1")),"boosting","LGBMRegressor with history")
        tri("xgb_pipe.pkl",lambda:pickle.dumps(pl.make_pipeline(pp.StandardScaler(),ms.GridSearchCV(xg.XGBClassifier(n_estimators=2),{"max_depth":[2]},cv=2)).fit(X,y)),"boosting","grid search of XGBClassifier")
    except Exception as e: print("boost",e)
    try:
        import imblearn; from imblearn.pipeline import make_pipeline as mp; from imblearn.over_sampling import SMOTE; from imblearn.ensemble import BalancedRandomForestClassifier as B
        tri("imb_smote.pkl",lambda:pickle.dumps(mp(SMOTE(),lm.LogisticRegression()).fit(X,y)),"imblearn","SMOTE pipeline"); tri("imb_forest.pkl",lambda:pickle.dumps(B(3).fit(X,y)),"imblearn","BalancedRandomForest")
    except Exception as e: print("imb",e)
    if mode=="files":
        import h5py, keras, onnx, gguf, polars as po
        SRC="h5py "+h5py.__version__+", keras "+keras.__version__
        def h(fn,**k):
            p=TMP+'/h.h5'
            with h5py.File(p,"w",**k) as f: fn(f)
            return open(p,'rb').read()
        def f1(f): f.create_dataset("a/b",data=X,compression="gzip"); f["s"]=["x","y"]; f.attrs["info"]=json.dumps({"class_names":["a"],"epoch":3})
        tri("h5_hand.h5",lambda:h(f1),"hdf5","written by hand, compressed"); tri("h5_latest.h5",lambda:h(f1,libver="latest"),"hdf5","latest layout"); tri("h5_soft.h5",lambda:h(lambda f:(f1(f),f.__setitem__("l",h5py.SoftLink("/a")))),"hdf5","soft link"); tri("h5_userblock.h5",lambda:h(f1,userblock_size=512),"hdf5","with a user block")
        @keras.saving.register_keras_serializable(package="mine")
        class Scale(keras.layers.Layer):
            def call(s,x): return x*2
        def ks(m,ext):
            p=TMP+'/k.'+ext; m.save(p); return open(p,'rb').read()
        L=keras.layers
        def seq(*l): m=keras.Sequential([keras.Input((4,)),*l]); m.compile("adam",loss="mse",metrics=["mae",keras.metrics.AUC()]); return m
        tri("k_custom.keras",lambda:ks(seq(L.Dense(3),Scale()),"keras"),"keras","registered layer of one's own",True)
        for ext in("keras","h5"):
            tri(f"k_drop.{ext}",lambda:ks(seq(L.Dense(3,activation="relu",kernel_regularizer="l2",kernel_constraint="max_norm"),L.BatchNormalization(),L.Dropout(.2),L.Dense(1)),ext),"keras","dense")
            tri(f"k_norm.{ext}",lambda:ks(seq(L.Normalization(mean=[0.]*4,variance=[1.]*4),L.Dense(1,activation=keras.ops.relu)),ext),"keras","normalisation and keras.ops.relu")
        def fun():
            i=keras.Input((8,4)); x=L.Bidirectional(L.LSTM(3,return_sequences=True))(i); x=L.MultiHeadAttention(2,2)(x,x); x=keras.ops.mean(x,axis=1); o=L.Dense(2,activation=keras.activations.gelu)(x); m=keras.Model(i,o); m.compile(keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(1e-3,10)),loss=keras.losses.BinaryFocalCrossentropy()); return m
        tri("k_fun.keras",lambda:ks(fun(),"keras"),"keras","functional with operations"); tri("k_fun.h5",lambda:ks(fun(),"h5"),"keras","the same in HDF5")
        tri("k_lookup.keras",lambda:ks(keras.Sequential([keras.Input((1,),dtype="int64"),L.IntegerLookup(vocabulary=[1,2,3]),L.Embedding(5,2)]),"keras"),"keras","IntegerLookup with a list")
        tri("k_mixed.keras",lambda:ks(seq(L.Dense(2,dtype="mixed_float16"),L.Rescaling(1/255),L.Reshape((2,1)),L.Conv1D(2,1),L.GlobalAveragePooling1D()),"keras"),"keras","mixed precision")
        tri("k_weights.weights.h5",lambda:(lambda m:(m.save_weights(TMP+'/k.weights.h5'),open(TMP+'/k.weights.h5','rb').read())[1])(seq(L.Dense(3))),"keras","weights alone")
        SRC="onnx "+onnx.__version__
        from onnx import helper as H, TensorProto as T, numpy_helper as NH
        def om(nodes,init=(),**k): return H.make_model(H.make_graph(nodes,"g",[H.make_tensor_value_info("x",T.FLOAT,[1,4])],[H.make_tensor_value_info("y",T.FLOAT,None)],list(init)),**k).SerializeToString()
        tri("onnx_q.onnx",lambda:om([H.make_node("DequantizeLinear",["w","s"],["d"]),H.make_node("MatMul",["x","d"],["y"])],[NH.from_array(np.ones((4,2),np.int8),"w"),NH.from_array(np.float32(.1),"s")]),"onnx","quantised")
        tri("onnx_ms.onnx",lambda:om([H.make_node("FusedGemm",["x","w"],["y"],domain="com.microsoft")],[NH.from_array(np.ones((4,2),np.float32),"w")],opset_imports=[H.make_opsetid("",18),H.make_opsetid("com.microsoft",1)]),"onnx","operators of onnxruntime")
        tri("onnx_nchwc.onnx",lambda:om([H.make_node("Conv",["x","w"],["y"],domain="com.microsoft.nchwc")],[],opset_imports=[H.make_opsetid("",18),H.make_opsetid("com.microsoft.nchwc",1)]),"onnx","onnxruntime's optimised layout domain")
        tri("onnx_aten.onnx",lambda:om([H.make_node("ATen",["x"],["y"],domain="org.pytorch.aten",operator="aten::relu")],[]),"onnx","org.pytorch.aten, as torch.onnx writes")
        tri("onnx_fn.onnx",lambda:om([H.make_node("F",["x"],["y"],domain="pkg.torch.1")],functions=[H.make_function("pkg.torch.1","F",["x"],["y"],[H.make_node("Relu",["x"],["y"])],[H.make_opsetid("",18)])]),"onnx","functions as torch's exporter writes them")
        tri("onnx_bf16.onnx",lambda:om([H.make_node("Identity",["x"],["y"])],[H.make_tensor("b",T.BFLOAT16,[2],[1,2]),H.make_tensor("s",T.STRING,[1],[b"a"]),H.make_tensor("f8",T.FLOAT8E4M3FN,[2],[1,2])]),"onnx","bfloat16, strings, float8")
        def ext():
            t=NH.from_array(np.ones(4,np.float32),"w"); t.ClearField("raw_data"); t.data_location=T.EXTERNAL; t.external_data.add(key="location",value="model.onnx.data"); return om([H.make_node("Add",["x","w"],["y"])],[t])
        tri("onnx_external.onnx",ext,"onnx","external data beside the model")
        SRC="gguf "+"0.19"
        def gg(fill,**k):
            p=TMP+'/g.gguf'; w=gguf.GGUFWriter(p,"llama",**k); fill(w); w.add_tensor("t",np.ones((2,4),np.float32)); w.write_header_to_file(); w.write_kv_data_to_file(); w.write_tensors_to_file(); w.close(); return open(p,'rb').read()
        tri("gguf_meta.gguf",lambda:gg(lambda w:(w.add_block_count(2),w.add_array("tokenizer.ggml.tokens",["a","b"]),w.add_array("x.f",[1.,2.]),w.add_bool("b",True),w.add_float64("f",1.),w.add_int8("i",-3))),"gguf","metadata of many kinds")
        tri("gguf_big_endian.gguf",lambda:gg(lambda w:None,endianess=gguf.GGUFEndian.BIG),"gguf","big-endian"); tri("gguf_align.gguf",lambda:gg(lambda w:w.add_custom_alignment(64)),"gguf","alignment 64")
        tri("gguf_template.gguf",lambda:gg(lambda w:w.add_chat_template("{%- for m in messages %}{{ '<|im_start|>' ~ m['role'] ~ '\\n' ~ m['content']|trim }}{% endfor %}{{ messages | map(attribute='content') | join('__') if false }}")),"gguf","template with map(attribute=) and a literal __")
        SRC="polars "+po.__version__
        tri("pol_frame.pkl",lambda:pickle.dumps(po.DataFrame({"a":[1,2],"b":["x",None]})),"polars","frame"); tri("pol_lazy.pkl",lambda:pickle.dumps(po.LazyFrame({"a":[1]}).filter(po.col("a")>0)),"polars","lazy frame without functions")
if mode=="torch":
    import dataclasses
    plain=dataclasses.dataclass
    def hashable(made=None,**o):
        if made is None: return lambda l: hashable(l,**o)
        return plain(made,**o) if "__hash__" in vars(made) else plain(made,**{"unsafe_hash":True,**o})
    dataclasses.dataclass=hashable
    import torch; from torch import nn
    try: import torch.distributed._shard.sharded_tensor
    except ImportError: pass
    dataclasses.dataclass=plain
    SRC="torch "+torch.__version__
    def ts(o,**k): b=io.BytesIO(); torch.save(o,b,**k); return b.getvalue()
    net=nn.Sequential(nn.Linear(4,3),nn.BatchNorm1d(3)); sd=net.state_dict()
    O=torch.optim
    for n in("SGD","Adam","AdamW","NAdam","RAdam","Adamax","Adadelta","Adagrad","RMSprop","Rprop","ASGD","LBFGS"):
        def mk():
            o=getattr(O,n)(net.parameters(),lr=.01)
            def c(): o.zero_grad(); l=net(torch.ones(5,4)).sum(); l.backward(); return l
            o.step(c); return ts({"model":sd,"optimizer":o.state_dict()})
        tri(f"t_{n}.pt",mk,"torch","with optimizer "+n)
    o=O.SGD(net.parameters(),lr=.1); S=O.lr_scheduler
    for n,m in {"cosine":lambda:S.CosineAnnealingWarmRestarts(o,3),"onecycle":lambda:S.OneCycleLR(o,.1,10),"plateau":lambda:S.ReduceLROnPlateau(o),"sequential":lambda:S.SequentialLR(o,[S.ConstantLR(o),S.ExponentialLR(o,.9)],[2]),"cyclic":lambda:S.CyclicLR(o,.1,.2),"multistep":lambda:S.MultiStepLR(o,[1,2]),"chained":lambda:S.ChainedScheduler([S.LinearLR(o)])}.items():
        tri(f"t_sched_{n}.pt",lambda:ts({"scheduler":m().state_dict(),"epoch":1}),"torch","schedule "+n)
        tri(f"t_schedobj_{n}.pt",lambda:ts({"scheduler":m()}),"torch","schedule object "+n)
    tri("t_ddp.pth",lambda:ts({"state_dict":collections.OrderedDict(("module."+k,v) for k,v in sd.items()),"best_acc1":torch.tensor(3.),"arch":"resnet"}),"torch","DDP prefix")
    tri("t_ema.pt",lambda:ts({"ema":O.swa_utils.AveragedModel(net).state_dict(),"updates":3,"date":datetime.datetime.now().isoformat()}),"torch","EMA"); tri("t_ema_obj.pt",lambda:ts(O.swa_utils.AveragedModel(net)),"torch","AveragedModel object")
    tri("t_rng.pt",lambda:ts({"torch":torch.get_rng_state(),"np":np.random.get_state(),"py":random.getstate(),"gen":torch.Generator().get_state()}),"torch","random states")
    tri("t_np.pt",lambda:ts([np.float64(1),np.int64(2),np.arange(3),np.array(["a"]),np.bool_(1)]),"torch","NumPy scalars and arrays")
    tri("t_quant.pt",lambda:ts(torch.quantization.quantize_dynamic(net,{nn.Linear}).state_dict()),"torch","quantised state"); tri("t_q.pt",lambda:ts(torch.quantize_per_channel(torch.ones(2,2),torch.tensor([.1,.2]),torch.tensor([0,0]),0,torch.qint8)),"torch","per-channel quantised tensor")
    tri("t_types.pt",lambda:ts([torch.float16,torch.device("cpu"),torch.Size([1]),torch.complex(torch.ones(1),torch.ones(1)),torch.ones(2,dtype=torch.bfloat16),torch.sparse_coo_tensor([[0]],[1.],(2,)),torch.ones(2).to_sparse(),torch.eye(2).to_sparse_csr(),torch.strided,torch.channels_last]),"torch","types, layouts, sparse tensors")
    tri("t_misc.pt",lambda:ts({"p":pathlib.Path("a"),"d":datetime.datetime(2020,1,1),"s":{1,2},"t":(1,2),"o":collections.OrderedDict(a=1),"dd":collections.defaultdict(list)}),"torch","path, date, set")
    for n,l in {"lstm":nn.LSTM(2,2),"transformer":nn.TransformerEncoder(nn.TransformerEncoderLayer(4,2),1),"mha":nn.MultiheadAttention(4,2),"wn":nn.utils.weight_norm(nn.Linear(2,2)),"sn":nn.utils.spectral_norm(nn.Linear(2,2)),"param":nn.utils.parametrizations.orthogonal(nn.Linear(2,2)),"prune":__import__("torch.nn.utils.prune").nn.utils.prune.l1_unstructured(nn.Linear(2,2),"weight",1),"loss":nn.CrossEntropyLoss(),"dp":nn.DataParallel(nn.Linear(2,2)),"emb":nn.EmbeddingBag(3,2)}.items():
        tri(f"t_mod_{n}.pt",lambda:ts(l),"torch","module "+n)
    tri("t_old.pth",lambda:ts({"state_dict":sd,"epoch":2},_use_new_zipfile_serialization=False),"torch","old layout"); tri("t_shard.bin",lambda:ts({"model.layers.0.w":torch.ones(2).half()}),"torch","shard"); tri("t_pickled.pkl",lambda:pickle.dumps(sd),"torch","pickle.dumps of a state")
    tri("t_pickled_p2.pkl",lambda:pickle.dumps(sd,2),"torch","the same in protocol 2"); tri("t_dataset.pt",lambda:ts(torch.utils.data.TensorDataset(torch.ones(2))),"torch","TensorDataset"); tri("t_subset.pt",lambda:ts(torch.utils.data.Subset(torch.utils.data.TensorDataset(torch.ones(2)),[0])),"torch","Subset"); tri("t_script.pt",lambda:(lambda b:(torch.jit.save(torch.jit.script(net),b),b.getvalue())[1])(io.BytesIO()),"torch","TorchScript"); tri("t_dist.pt",lambda:ts(torch.distributions.Normal(0,1)),"torch","distribution"); tri("t_joblib.joblib",lambda:(lambda b:(__import__("joblib").dump(net,b),b.getvalue())[1])(io.BytesIO()),"torch","module by joblib")
F.close(); print(mode,len(F.lines))
